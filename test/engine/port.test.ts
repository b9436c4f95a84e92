import { dirname } from 'node:path'
import { ORPCError } from '@orpc/client'
import { afterEach, describe, expect, it } from 'vitest'
import type { Kernel } from '../../src/core/analysis/kernel'
import { referenceKernel } from '../../src/core/analysis/reference'
import { Engine } from '../../src/engine/engine'
import { goldenPath, truthOf } from '../golden/cases'
import { connect } from './connect'
import { sparseSafetensors } from './sparse'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function face(engine?: Engine) {
  const connection = connect(engine)
  closing.push(connection.close)
  return connection.client
}

async function checkpoint(client: ReturnType<typeof face>, path: string) {
  const opened = await client.open({ path })
  if (opened.kind !== 'checkpoint') throw new Error(`${path} is a run`)
  return opened
}

/** The error a call failed with, as a face sees it. */
async function failure(
  call: Promise<unknown>,
): Promise<ORPCError<string, { code?: string; file?: string; hint?: string }>> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof ORPCError) return error
  throw new Error(`expected the call to fail with an ORPCError, got ${error}`)
}

describe('over a port', () => {
  it('opens a checkpoint with its verdict, files and siblings', async () => {
    const opened = await checkpoint(face(), goldenPath('trainer-gpt2'))
    expect(opened).toMatchObject({
      name: 'checkpoint-30',
      layout: 'trainer',
      verification: { verdict: 'complete', step: 30 },
    })
    expect(opened.siblings.map(({ name }) => name)).toEqual(['checkpoint-10', 'checkpoint-20', 'checkpoint-30'])
    expect(opened.files.find(({ path }) => path === 'model.safetensors')).toMatchObject({ kind: 'safetensors' })
  })

  it('opens a folder of checkpoints as a run and names the last good one', async () => {
    const path = dirname(goldenPath('trainer-gpt2'))
    const run = await face().open({ path })
    expect(run).toMatchObject({ kind: 'run', lastGood: goldenPath('trainer-gpt2') })
  })

  it('gives the tensors in pages that join without a gap', async () => {
    const client = face()
    const { id, tensorCount } = await checkpoint(client, goldenPath('trainer-gpt2'))
    const all = await client.tensors({ id, offset: 0, limit: 1000 })
    const pages = await Promise.all([0, 10, 20].map((offset) => client.tensors({ id, offset, limit: 10 })))
    expect(all.total).toBe(tensorCount)
    expect(pages.flatMap(({ rows }) => rows)).toEqual(all.rows.slice(0, 30))
    expect(all.rows.map(({ index }) => index)).toEqual(all.rows.map((_, i) => i))
  })

  it('gives everything about one tensor', async () => {
    const client = face()
    const { id } = await checkpoint(client, goldenPath('damaged-healthy-st'))
    const { rows } = await client.tensors({ id, offset: 0, limit: 100 })
    const row = rows.find(({ name }) => name === 'fc1.weight')
    const truth = truthOf('damaged-healthy-st').tensors.find(({ name }) => name === 'fc1.weight')
    const detail = await client.tensor({ id, index: row?.index ?? -1 })
    expect(detail.row).toEqual(row)
    expect(detail.statistics.mean).toBeCloseTo(truth?.mean ?? Number.NaN, 9)
    expect(detail.histogram?.counts.reduce((a, b) => a + b)).toBe(detail.statistics.count)
    expect(detail.picture?.values).toHaveLength((detail.picture?.width ?? 0) * (detail.picture?.height ?? 0))
    expect(detail.head).toHaveLength(64)
  })

  it('passes on numbers that JSON does not have', async () => {
    const client = face()
    const { id } = await checkpoint(client, goldenPath('damaged-loss-nan'))
    const { loss } = await client.history({ id })
    expect(loss.find(({ step }) => step === 24)?.value).toBe('NaN')
  })

  it('flags tensors by what reading every value found', async () => {
    const client = face()
    const { id } = await checkpoint(client, goldenPath('damaged-st-nonfinite'))
    const flagged = async () =>
      (await client.tensors({ id, offset: 0, limit: 100 })).rows.filter(({ flags }) => flags.includes('non-finite'))
    expect(await flagged()).toEqual([])
    for await (const event of await client.verifyDeep({ id })) {
      if (event.type === 'result') expect(event.result).toMatchObject({ deep: true, verdict: 'broken' })
    }
    expect((await flagged()).map(({ name }) => name).sort()).toEqual(['fc1.weight', 'fc2.weight'])
  })
})

describe('errors over a port', () => {
  it('carry the code, the file and the way out', async () => {
    const error = await failure(face().open({ path: '/there/is/nothing/here' }))
    expect(error).toMatchObject({ code: 'ASSAY', data: { code: 'file/unreadable', file: '/there/is/nothing/here' } })
    expect(error.message).toContain('/there/is/nothing/here')
  })

  it('say when a checkpoint is not open any more', async () => {
    const client = face()
    const { id } = await checkpoint(client, goldenPath('seed-style'))
    await client.close({ id })
    expect(await failure(client.state({ id }))).toMatchObject({ data: { code: 'not-open', hint: 'Open it again.' } })
  })

  it('refuse input that the contract does not know', async () => {
    expect(await failure(face().tensors({ id: 'x', offset: -1, limit: 0 }))).toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('arrive inside streams as well', async () => {
    const client = face()
    const { id } = await checkpoint(client, goldenPath('seed-style'))
    const drain = async () => {
      for await (const _ of await client.export({ id, out: goldenPath('seed-style'), options: { format: 'torch' } }));
    }
    expect(await failure(drain())).toMatchObject({ code: 'ASSAY', data: { code: 'target/exists' } })
  })

  it('do not sink the statistics of the other tensors', async () => {
    const client = face()
    const { id } = await checkpoint(client, goldenPath('damaged-st-cut-middle'))
    const { rows } = await client.tensors({ id, offset: 0, limit: 100 })
    const seen: boolean[] = []
    for await (const { error } of await client.statistics({ id, indices: rows.map(({ index }) => index) })) {
      seen.push(error === undefined)
    }
    expect(seen).toHaveLength(rows.length)
    expect(new Set(seen)).toEqual(new Set([true, false]))
  })
})

/** The reference kernel, counting the blocks it is fed. */
function countingKernel() {
  const counted = { blocks: 0 }
  const kernel: Kernel = {
    ...referenceKernel,
    statistics(dtype) {
      const inner = referenceKernel.statistics(dtype)
      return {
        update(block) {
          counted.blocks++
          inner.update(block)
        },
        result: () => inner.result(),
      }
    },
    comparison(a, b) {
      const inner = referenceKernel.comparison(a, b)
      return {
        update(left, right) {
          counted.blocks++
          inner.update(left, right)
        },
        result: () => inner.result(),
      }
    },
  }
  return { kernel, counted }
}

/** Waits until a count stands still. */
async function settled(counted: { blocks: number }): Promise<number> {
  for (let before = -1; before !== counted.blocks; ) {
    before = counted.blocks
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return counted.blocks
}

describe('cancelling over a port', () => {
  it('stops the work when a stream of statistics is dropped', async () => {
    const { kernel, counted } = countingKernel()
    const client = face(new Engine(kernel))
    const { id } = await checkpoint(client, sparseSafetensors(64, 8 * 2 ** 20))
    for await (const { index } of await client.statistics({ id, indices: [...Array(64).keys()] })) {
      expect(index).toBe(0)
      break
    }
    expect(await settled(counted)).toBeLessThan((64 * 8) / 2)
  })

  it('stops a comparison when its call is aborted', async () => {
    const { kernel, counted } = countingKernel()
    const client = face(new Engine(kernel))
    const path = sparseSafetensors(16, 256 * 2 ** 20)
    const [a, b] = [await checkpoint(client, path), await checkpoint(client, path)]
    const abort = new AbortController()
    const compare = async () => {
      for await (const event of await client.diff({ a: a.id, b: b.id }, { signal: abort.signal })) {
        expect(event.type).toBe('progress')
        abort.abort()
      }
    }
    await expect(compare()).rejects.toThrow()
    expect(await settled(counted)).toBeLessThan((16 * 256) / 2)
    expect(await client.history({ id: a.id })).toMatchObject({ loss: [] })
  })

  it('hands the rows of a comparison over once where that is asked for, the same as in the result', async () => {
    const { client, close } = connect()
    const a = await checkpoint(client, goldenPath('trainer-gpt2', 'data/checkpoint-10'))
    const b = await checkpoint(client, goldenPath('trainer-gpt2', 'data/checkpoint-20'))
    const told = async (rowsOnce: boolean) => {
      const rows: unknown[] = []
      for await (const event of await client.diff({ a: a.id, b: b.id, rowsOnce })) {
        if (event.type === 'result') return { rows, result: event.result }
        rows.push(...event.rows)
      }
      throw new Error('There is no result')
    }
    const { result } = await told(false)
    const once = await told(true)
    expect(result.tensors.length).toBeGreaterThan(0)
    expect(once.rows).toEqual(result.tensors)
    expect(once.result).toEqual({ ...result, tensors: [] })
    close()
  })

  it('closes what a face had open when its port closes', async () => {
    const engine = new Engine()
    const { client, close } = connect(engine)
    const { id } = await checkpoint(client, goldenPath('seed-style'))
    expect(engine.get(id).id).toBe(id)
    close()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(() => engine.get(id)).toThrow('not open')
  })
})
