import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { goldenPath, truthOf } from '../golden/cases'
import { type App, start } from './app'

const out = join(mkdtempSync(join(tmpdir(), 'assay-e2e-')), 'masters.safetensors')
/** DeepSpeed keeps a buffer and a frozen weight in 16 bits only. */
const WITHOUT_MASTER = ['mask', 'wpe.weight']
let app: App
beforeAll(async () => {
  app = await start([goldenPath('zero2', 'data')])
  await app.byId('nav-repair').click()
  await app.byId('tab-export').click()
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

const preview = () => app.byId('export-preview').textContent()

/** What a safetensors file holds, read here without the app. */
function tensorsIn(path: string) {
  const bytes = readFileSync(path)
  const data = 8 + Number(bytes.readBigUInt64LE())
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    bytes.toString('utf8', 8, data),
  )
  const { __metadata__: _, ...entries } = header
  return new Map(
    Object.entries(entries).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const sha256 = createHash('sha256')
          .update(bytes.subarray(data + from, data + to))
          .digest('hex')
        return [name, { dtype, shape, sha256 }]
      },
    ),
  )
}

async function expectNoBarriers(): Promise<void> {
  for (const scheme of ['one', 'other']) {
    expect(await app.violations()).toEqual([])
    await app.picture(`export-masters-${scheme}`)
    await app.byId('theme-toggle').first().click()
  }
}

it('the masters of the optimizer are offered, and the rounded weights are what is written without them', async () => {
  await app.byId('export-masters').waitFor()
  expect(await app.byId('export-masters').isChecked()).toBe(false)
  expect(await preview()).toContain('32 as in the checkpoint')
})

it('what they change is shown before anything is written', async () => {
  await app.byId('export-masters').check()
  await expect.poll(preview).toContain('30 changed')
  expect(await preview()).toContain('float16 → float32')
  await expectNoBarriers()
})

it('they are written as float32, value for value', async () => {
  await app.byId('export-out').fill(out)
  await expect.poll(() => app.byId('export-run').isEnabled()).toBe(true)
  await app.byId('export-run').click()
  await app.byId('export-result').getByText(out, { exact: true }).waitFor()
  await expectNoBarriers()
  const written = tensorsIn(out)
  for (const name of WITHOUT_MASTER) expect(written.get(name)?.dtype).toBe('F16')
  const masters = truthOf('zero2').tensors.filter(({ name }) => !WITHOUT_MASTER.includes(name))
  expect(masters).toHaveLength(30)
  for (const { name, shape, sha256 } of masters) expect(written.get(name)).toEqual({ dtype: 'F32', shape, sha256 })
})
