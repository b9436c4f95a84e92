import { createHash } from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import * as swap from '../../../src/core/bytes/swap'
import { applyRepair } from '../../../src/core/repair/apply'
import { undoRepair } from '../../../src/core/repair/undo'
import { golden, planned, scratch, snapshot } from './cases'

vi.mock(import('../../../src/core/bytes/swap'), async (original) => ({ ...(await original()) }))
afterEach(() => vi.restoreAllMocks())

const kernel = referenceKernel

function copyOf(name: string): string {
  const folder = join(scratch(), 'checkpoint-20')
  cpSync(golden(name), folder, { recursive: true })
  return folder
}

async function inPlace(path: string) {
  const { checkpoint, plan } = await planned(path)
  return applyRepair(checkpoint, plan, { kernel, inPlace: true })
}

/** Copies that hold files as they were, files that were damaged, and none where there was one. */
function damaged(): string {
  const folder = copyOf('trainer-gpt2/data/checkpoint-20')
  writeFileSync(join(folder, 'scheduler.pt'), '')
  rmSync(join(folder, 'rng_state.pth'))
  return folder
}

describe('undoing a repair in place', () => {
  it.each([
    ['of flattened weights', () => copyOf('flattened/data/checkpoint')],
    ['that added a file and replaced a damaged one', damaged],
  ])('%s gives back the folder as it was', async (_, make) => {
    const folder = make()
    const before = snapshot(folder)
    await inPlace(folder)
    expect(snapshot(folder)).not.toEqual(before)
    const { restored, removed } = await undoRepair(folder)
    expect(snapshot(folder)).toEqual(before)
    expect([...restored, ...removed].length).toBeGreaterThan(0)
    await expect(undoRepair(folder)).rejects.toMatchObject({ code: 'usage' })
  })

  it('of a single file gives back the file', async () => {
    const folder = scratch()
    copyFileSync(golden('torch-zoo-compiled/data/model.pt'), join(folder, 'model.pt'))
    const before = snapshot(folder)
    await inPlace(join(folder, 'model.pt'))
    await undoRepair(join(folder, 'model.pt'))
    expect(snapshot(folder)).toEqual(before)
  })

  it('goes back one repair at a time, with its record', async () => {
    const folder = damaged()
    const { checkpoint, plan } = await planned(folder)
    const out = join(scratch(), 'mended')
    await applyRepair(checkpoint, plan, { kernel, out })
    writeFileSync(join(out, 'scheduler.pt'), '')
    const before = snapshot(out)
    await inPlace(out)
    await undoRepair(out)
    expect(snapshot(out)).toEqual(before)
    expect(existsSync(join(out, 'assay-repair.json'))).toBe(true)
  })

  it.each([
    ['a repaired file was changed', (folder: string) => appendFileSync(join(folder, 'scheduler.pt'), 'x')],
    ['an added file was changed', (folder: string) => appendFileSync(join(folder, 'rng_state.pth'), 'x')],
    ['a backup was changed', (folder: string) => appendFileSync(join(folder, 'scheduler.pt.backup'), 'x')],
    ['a backup is gone', (folder: string) => unlinkSync(join(folder, 'scheduler.pt.backup'))],
  ])('refuses when %s since, and touches nothing', async (_, change) => {
    const folder = damaged()
    await inPlace(folder)
    change(folder)
    const before = snapshot(folder)
    await expect(undoRepair(folder)).rejects.toMatchObject({ code: 'file/changed', hint: expect.anything() })
    expect(snapshot(folder)).toEqual(before)
  })

  it('says which originals lie there where the record of the repair is gone or cannot be read', async () => {
    for (const spoil of [unlinkSync, (record: string) => writeFileSync(record, '{"schema"')]) {
      const folder = damaged()
      await inPlace(folder)
      spoil(join(folder, 'assay-repair.json'))
      const before = snapshot(folder)
      const hint = expect.stringContaining('scheduler.pt.backup is there')
      await expect(undoRepair(folder)).rejects.toMatchObject({ code: 'usage', hint })
      expect(snapshot(folder)).toEqual(before)
    }
  })

  it('refuses a record that names files elsewhere', async () => {
    const folder = damaged()
    const files = [{ path: '../other', written: { bytes: 1, modified: 1 }, original: { bytes: 1, modified: 1 } }]
    writeFileSync(join(folder, 'assay-repair.json'), JSON.stringify({ schema: 1, inPlace: true, files }))
    await expect(undoRepair(folder)).rejects.toMatchObject({ code: 'file/path-escape' })
  })

  it('can be taken up where it, or the repair, was cut off', async () => {
    const folder = damaged()
    const before = snapshot(folder)
    await inPlace(folder)
    // One of the files is back, the other not: as after a power cut.
    renameSync(join(folder, 'scheduler.pt.backup'), join(folder, 'scheduler.pt'))
    await undoRepair(folder)
    expect(snapshot(folder)).toEqual(before)
  })

  it('gives back what a repair was killed over between two files', async () => {
    const folder = damaged()
    const before = snapshot(folder)
    await inPlace(folder)
    // The original has its second name, and the new file not yet its first; of the other nothing is there.
    renameSync(join(folder, 'scheduler.pt.backup'), join(folder, 'scheduler.pt'))
    linkSync(join(folder, 'scheduler.pt'), join(folder, 'scheduler.pt.backup'))
    rmSync(join(folder, 'rng_state.pth'))
    await undoRepair(folder)
    expect(snapshot(folder)).toEqual(before)
  })

  it('removes what a killed repair had begun to write, also where there is nothing to undo', async () => {
    const folder = damaged()
    const before = snapshot(folder)
    const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
    const leave = () => {
      // Process numbers end at 2^22.
      const room = join(folder, `.assay-repair.assay-${machine}-${2 ** 22 + 1}-abcdef`)
      mkdirSync(room)
      writeFileSync(join(room, 'model.safetensors'), 'half')
    }
    leave()
    await expect(undoRepair(folder)).rejects.toMatchObject({ code: 'usage' })
    expect(snapshot(folder)).toEqual(before)
    await inPlace(folder)
    leave()
    await undoRepair(folder)
    expect(snapshot(folder)).toEqual(before)
  })

  it('leaves the repaired folder as it is when a step fails', async () => {
    const folder = damaged()
    await inPlace(folder)
    const before = snapshot(folder)
    vi.spyOn(swap, 'swapBack').mockRejectedValueOnce(new Error('the disk is gone'))
    await expect(undoRepair(folder)).rejects.toThrow('the disk is gone')
    expect(snapshot(folder)).toEqual(before)
  })
})

describe('two repairs at once', () => {
  const lockOf = (folder: string) => join(folder, '..', '.checkpoint-20.assay-lock')

  it('of one checkpoint in place: the second is refused', async () => {
    const folder = damaged()
    const plans = [await planned(folder), await planned(folder)]
    const both = await Promise.allSettled(
      plans.map(({ checkpoint, plan }) => applyRepair(checkpoint, plan, { kernel, inPlace: true })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'target/busy' } })
    expect(existsSync(lockOf(folder))).toBe(false)
  })

  it('into one folder: one writes it, whole', async () => {
    const { checkpoint, plan } = await planned(damaged())
    const out = join(scratch(), 'mended')
    const both = await Promise.allSettled([1, 2].map(() => applyRepair(checkpoint, plan, { kernel, out })))
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(readdirSync(join(out, '..'))).toEqual(['mended'])
  })

  it('are not prevented by a lock whose owner is no more', async () => {
    const folder = damaged()
    // Process numbers end at 2^22.
    writeFileSync(lockOf(folder), JSON.stringify({ process: 2 ** 22 + 1, machine: hostname() }))
    expect(await inPlace(folder)).toMatchObject({ applied: true })
  })

  it('are prevented by a lock of another machine, whatever became of it there', async () => {
    const folder = damaged()
    writeFileSync(lockOf(folder), JSON.stringify({ process: 1, machine: `not-${hostname()}` }))
    const refused = inPlace(folder)
    await expect(refused).rejects.toMatchObject({ code: 'target/busy', hint: expect.stringContaining('delete') })
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('.assay-lock') })
  })
})
