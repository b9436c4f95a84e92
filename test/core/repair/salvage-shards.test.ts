import { cpSync, existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { digests, golden, opened, planned, scratch } from './cases'

const SHARD = 'model-00002-of-00004.safetensors'
const INDEX = 'model.safetensors.index.json'
const reference = golden('sharded/data')

/** A copy of the sound sharded checkpoint, damaged. */
function damaged(change: (folder: string) => void): string {
  const folder = join(scratch(), 'model')
  cpSync(reference, folder, { recursive: true })
  change(folder)
  return folder
}

async function mended(path: string, options: Parameters<typeof planned>[1] = {}) {
  const { checkpoint, plan } = await planned(path, options)
  const out = join(scratch(), 'mended')
  const result = await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
  return { plan, result, out }
}

const shard = (folder: string) => join(folder, SHARD)

describe('a shard', () => {
  it.each([
    ['without a byte', (folder: string) => truncateSync(shard(folder), 0)],
    ['cut in its header', (folder: string) => truncateSync(shard(folder), 60)],
    ['that is a web page', (folder: string) => writeFileSync(shard(folder), '<!doctype html><title>404</title>')],
    ['that is missing', (folder: string) => rmSync(shard(folder))],
    ['cut behind its header', (folder: string) => truncateSync(shard(folder), 700)],
  ])('%s is made up for by a reference, and no file is left that a loader would stumble over', async (_, change) => {
    const { result, out } = await mended(damaged(change), { reference })
    const saved = await opened(out)
    expect(await digests(saved)).toEqual(await digests(await opened(reference)))
    expect(result.verdictAfter).toBe('partial')
    expect(saved.files.filter(({ findings }) => findings.length > 0)).toEqual([])
    const map: Record<string, string> = JSON.parse(readFileSync(join(out, INDEX), 'utf8')).weight_map
    for (const file of Object.values(map)) expect(existsSync(join(out, file))).toBe(true)
  })

  it('that cannot be read is not left out where nothing has what it held', async () => {
    const { plan } = await planned(damaged((folder) => truncateSync(shard(folder), 60)))
    expect(plan.plan.filter(({ removed }) => removed)).toEqual([])
    expect(plan.unmended).toContainEqual(expect.objectContaining({ rule: 'file/truncated', subject: SHARD }))
  })
})

describe('an index', () => {
  it('that names a shard which is here under another name is written anew, and the shard is not taken from a reference', async () => {
    const path = damaged((folder) => renameSync(shard(folder), join(folder, 'second (1).safetensors')))
    const { plan, result, out } = await mended(path, { reference })
    expect(plan.plan.map(({ kind, confidence }) => [kind, confidence])).toEqual([['rebuild-index', 'likely']])
    expect(plan.plan[0]?.evidence).toContain('second (1).safetensors')
    expect(result.verdictAfter).toBe('partial')
    expect(await digests(await opened(out))).toEqual(await digests(await opened(reference)))
    const map: Record<string, string> = JSON.parse(readFileSync(join(out, INDEX), 'utf8')).weight_map
    expect([...new Set(Object.values(map))].sort()).toEqual([
      'model-00001-of-00004.safetensors',
      'model-00003-of-00004.safetensors',
      'model-00004-of-00004.safetensors',
      'second (1).safetensors',
    ])
  })

  it('that names a shard which is nowhere, for tensors that the others hold, is written anew', async () => {
    const path = damaged((folder) => {
      const text = readFileSync(join(folder, INDEX), 'utf8')
      writeFileSync(join(folder, INDEX), text.replace(SHARD, 'model-00005-of-00005.safetensors'))
    })
    const { plan, result, out } = await mended(path)
    expect(plan.plan.map(({ kind, confidence }) => [kind, confidence])).toEqual([['rebuild-index', 'certain']])
    expect(result.verdictAfter).toBe('partial')
    const read = (folder: string) => JSON.parse(readFileSync(join(folder, INDEX), 'utf8')).weight_map
    expect(read(out)).toEqual(read(reference))
  })

  it('does not take a file of other tensors for a shard that is missing', async () => {
    const path = damaged((folder) => {
      cpSync(join(folder, 'model-00001-of-00004.safetensors'), join(folder, 'model-00009-of-00009.safetensors'))
      rmSync(shard(folder))
    })
    const { plan } = await planned(path)
    expect(plan.unmended).toContainEqual(expect.objectContaining({ rule: 'weights/missing-shard', subject: SHARD }))
    expect(plan.plan.filter(({ index }) => index)).toEqual([])
  })

  it('that was cut off is written anew from the shards', async () => {
    const { result, out } = await mended(damaged((folder) => truncateSync(join(folder, INDEX), 100)))
    expect(result.verdictAfter).toBe('partial')
    expect(await digests(await opened(out))).toEqual(await digests(await opened(reference)))
    const read = (folder: string) => JSON.parse(readFileSync(join(folder, INDEX), 'utf8'))
    expect(read(out).weight_map).toEqual(read(reference).weight_map)
  })

  it.each([
    ['cut off', (folder: string) => truncateSync(join(folder, INDEX), 100)],
    ['gone', (folder: string) => rmSync(join(folder, INDEX))],
  ])('that is %s is not written anew without a shard that the names of the others count', async (_, change) => {
    const path = damaged((folder) => {
      change(folder)
      rmSync(shard(folder))
    })
    const { plan } = await planned(path)
    expect(plan.plan).toMatchObject([
      { kind: 'rebuild-index', confidence: 'refused', evidence: expect.stringContaining(SHARD) },
    ])
  })
})
