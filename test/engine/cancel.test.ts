import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, expect, it, vi } from 'vitest'
import { pooledKernel } from '../../src/core/analysis/pool/kernel'
import { Pool } from '../../src/core/analysis/pool/pool'
import { Engine } from '../../src/engine/engine'
import type { Client } from '../../src/engine/local'
import { connect } from './connect'

const folder = mkdtempSync(join(tmpdir(), 'assay-cancel-'))
const pool = new Pool(2)
afterAll(() => {
  pool.close()
  rmSync(folder, { recursive: true })
})

/** 24 tensors of 16 MiB, which take the disk no room: 0, but for the first value. */
function written(name: string, first: number): string {
  const bytes = 2 ** 24
  const tensors = Array.from({ length: 24 }, (_, i) => [
    `layers.${i}.weight`,
    { dtype: 'F32', shape: [2048, 2048], data_offsets: [i * bytes, (i + 1) * bytes] },
  ])
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat([length, header]))
  truncateSync(path, 8 + header.length + tensors.length * bytes)
  const file = openSync(path, 'r+')
  for (const i of tensors.keys()) writeSync(file, Float32Array.of(first), 0, 4, 8 + header.length + i * bytes)
  closeSync(file)
  return path
}

async function held(client: Client, path: string): Promise<string> {
  const opened = await client.hold({ path })
  if (opened.kind === 'run') throw new Error(`${path} is a run`)
  return opened.id
}

it.each([
  ['values', 1, () => pool.busy > 0],
  // many turns of the event loop, and far fewer than the comparison takes
  ['equal bytes', 0, (turns: number) => turns > 10],
] as const)(
  'a comparison of %s that a face cancels stops, each of ten times, and leaves no thread busy',
  async (_, first, isUnderWay) => {
    const paths = [written('a.safetensors', 0), written('b.safetensors', first)] as const
    for (let i = 0; i < 10; i++) {
      // a kernel of its own: nothing is known of the files yet
      const { client, close } = connect(new Engine(pooledKernel(pool)))
      const [a, b] = [await held(client, paths[0]), await held(client, paths[1])]
      const abort = new AbortController()
      const work = (async () => {
        for await (const { type } of await client.diff({ a, b }, { signal: abort.signal }))
          expect(type).toBe('progress')
      })()
      work.catch(() => undefined)
      for (let turns = 0; !isUnderWay(turns); turns++) await setImmediate()
      abort.abort()
      await expect(work).rejects.toThrow()
      await vi.waitFor(() => expect(pool.busy).toBe(0))
      close()
    }
  },
)
