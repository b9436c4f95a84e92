import { cpSync, existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type RepairResult, repairResult } from '../../src/contract/schemas'
import { goldenPath, type TrueTensor, truthOf } from '../golden/cases'
import { assay, assayJson } from './run'

const reference = ['--reference', goldenPath('flattened', 'data/reference')]
const room = () => mkdtempSync(join(tmpdir(), 'assay-test-'))

async function digests(path: string): Promise<Pick<TrueTensor, 'name' | 'shape' | 'sha256'>[]> {
  const { json } = await assayJson<{ tensors: TrueTensor[] }>('show', path, '--sha256')
  return json.tensors.map(({ name, shape, sha256 }) => ({ name, shape, sha256 })).sort(byName)
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
const repaired = (truthOf('flattened').repaired ?? [])
  .map(({ name, shape, sha256 }) => ({ name, shape, sha256 }))
  .sort(byName)

describe('assay repair', () => {
  it('restores the shapes of a flattened checkpoint from a reference', async () => {
    const out = join(room(), 'mended')
    const { json } = await assayJson<RepairResult>('repair', goldenPath('flattened'), ...reference, '--out', out)
    expect(repairResult.parse(json)).toMatchObject({ applied: true, out, verdictBefore: 'broken' })
    expect(json.verdictAfter).not.toBe('broken')
    expect(json.plan.map(({ step, kind }) => [step, kind])).toEqual([
      [1, 'reshape'],
      [2, 'reshape'],
      [3, 'reshape'],
      [4, 'reshape'],
    ])
    expect(json.plan.every(({ evidence }) => evidence.length > 0)).toBe(true)
    expect(await digests(out)).toEqual(repaired)
  })

  it('ends with status 0 when everything could be mended and 1 when not', async () => {
    const argv = ['repair', goldenPath('flattened'), '--dry-run']
    expect((await assay([...argv, ...reference])).status).toBe(0)
    expect((await assay(['repair', goldenPath('rank-shard'), '--dry-run'])).status).toBe(1)
  })

  it('ends with status 0 where all that is missing was never saved, as in a mended folder', async () => {
    const out = join(room(), 'mended')
    expect((await assay(['repair', goldenPath('flattened'), ...reference, '--out', out])).status).toBe(0)
    const again = await assay(['repair', out, '--dry-run'])
    expect(again.status).toBe(0)
    expect(again.stdout).toMatch(/There is nothing to mend\.\nNot every value was read: --deep does/)
    expect((await assay(['repair', goldenPath('sharded'), '--dry-run'])).status).toBe(0)
  })

  it('does not say that nothing is to be mended above what cannot be', async () => {
    const { status, stdout } = await assay(['repair', goldenPath('damaged-st-cut-last'), '--dry-run'])
    expect(status).toBe(1)
    expect(stdout).toContain('Not mended')
    expect(stdout).not.toContain('There is nothing to mend.')
  })

  it('only shows the plan on a dry run', async () => {
    const out = join(room(), 'mended')
    const argv = ['repair', goldenPath('flattened'), ...reference, '--out', out, '--dry-run']
    const { json } = await assayJson<RepairResult>(...argv)
    expect(json).toMatchObject({ applied: false, out: null, verdictAfter: null })
    expect(existsSync(out)).toBe(false)
    const { stdout } = await assay(argv)
    expect(stdout).toContain('4 steps')
    expect(stdout).toContain('Nothing was written')
  })

  it('takes shapes from the user', async () => {
    const whisper = goldenPath('flattened')
    const shape = [
      '--shape',
      'model.encoder.conv1.weight=1280,128,3',
      '--shape',
      'model.encoder.layers.0.fc1.weight=64,1280',
    ]
    const { json } = await assayJson<RepairResult>('repair', whisper, ...shape, '--dry-run')
    const given = json.plan.filter(({ confidence }) => confidence === 'certain').map(({ subject }) => subject)
    expect(given).toEqual(expect.arrayContaining(['model.encoder.conv1.weight', 'model.encoder.layers.0.fc1.weight']))
  })

  it('keeps the old files as .backup in place', async () => {
    const copy = join(room(), 'checkpoint')
    cpSync(goldenPath('flattened'), copy, { recursive: true })
    const before = await digests(copy)
    const { json } = await assayJson<RepairResult>('repair', copy, ...reference, '--in-place')
    expect(json).toMatchObject({ applied: true, out: copy })
    expect(await digests(copy)).toEqual(repaired)
    expect(readdirSync(copy)).toContain('model.safetensors.backup')
    cpSync(join(copy, 'model.safetensors.backup'), join(copy, 'old/model.safetensors'))
    expect(await digests(join(copy, 'old'))).toEqual(before)
  })

  it('refuses to write over something, and changes nothing', async () => {
    const out = room()
    cpSync(goldenPath('seed-style', 'data/config.json'), join(out, 'config.json'))
    const { status, json } = await assayJson<{ error: { code: string } }>(
      'repair',
      goldenPath('flattened'),
      ...reference,
      '--out',
      out,
    )
    expect(status).toBe(2)
    expect(json.error.code).toBe('target/exists')
    expect(readdirSync(out)).toEqual(['config.json'])
  })

  it('needs to be told where to write', async () => {
    const { status, stderr } = await assay(['repair', goldenPath('flattened')])
    expect(status).toBe(2)
    expect(stderr).toContain('--out')
    expect((await assay(['repair', 'x', '--out', 'y', '--in-place'])).status).toBe(2)
    expect((await assay(['repair', 'x', '--out', 'y', '--shape', 'weight=two'])).status).toBe(2)
  })

  it('asks whether a file is to become a file or a folder where the target tells neither', async () => {
    const file = goldenPath('damaged-optimizer-empty', 'data/checkpoint.pt')
    const folder = room()
    for (const target of ['mended', 'mended.pt/']) {
      const { status, stderr } = await assay(['repair', file, '--out', `${folder}/${target}`])
      expect(status).toBe(2)
      expect(stderr).toContain('as a file or as a folder')
    }
    for (const target of ['mended/', 'mended.pt', '']) {
      const { stderr } = await assay(['repair', file, '--out', `${folder}/${target}`, '--dry-run'])
      expect(stderr).toBe('')
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('says what is wrong with a path that the system refuses', async () => {
    const refused = `/${'long'.repeat(100)}`
    const { json } = await assayJson<{ error: { code: string } }>('repair', refused, '--out', room())
    expect(json.error.code).toBe('file/unreadable')
    const file = goldenPath('damaged-optimizer-empty', 'data/checkpoint.pt')
    const { stderr } = await assay(['repair', file, '--out', refused])
    expect(stderr).toContain('as a file or as a folder')
  })
})

describe('assay export', () => {
  it.each(['safetensors', 'torch'])('writes the weights of any layout as %s', async (format) => {
    const out = join(room(), 'weights')
    const { status, json } = await assayJson<{ files: { path: string }[]; tensors: number }>(
      'export',
      goldenPath('seed-style'),
      '--format',
      format,
      '--out',
      out,
    )
    const truth = truthOf('seed-style').tensors.map(({ name, shape, sha256 }) => ({ name, shape, sha256 }))
    expect(await digests(join(out, json.files[0]?.path ?? ''))).toEqual(truth.sort(byName))
    expect(status).toBe(0)
  })

  it('splits the weights into shards of a size', async () => {
    const out = join(room(), 'weights')
    const argv = [
      'export',
      goldenPath('seed-style'),
      '--format',
      'safetensors',
      '--max-shard-size',
      '40kB',
      '--out',
      out,
    ]
    const { json } = await assayJson<{ files: { path: string }[] }>(...argv)
    expect(json.files.length).toBeGreaterThan(3)
    expect(await digests(out)).toHaveLength(truthOf('seed-style').tensors.length)
  })

  it('rounds to a dtype', async () => {
    const out = join(room(), 'weights')
    await assay(['export', goldenPath('seed-style'), '--format', 'safetensors', '--dtype', 'bfloat16', '--out', out])
    const { json } = await assayJson<{ tensors: TrueTensor[] }>('show', out, '--tensors')
    expect(new Set(json.tensors.map(({ dtype }) => dtype))).toEqual(new Set(['bfloat16']))
  })

  it('writes nothing where something must be left out, unless told that a part is enough', async () => {
    const out = join(room(), 'weights')
    const argv = ['export', goldenPath('sharded-missing-shard'), '--format', 'safetensors', '--out', out]
    const refused = await assay(argv)
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('--partial') })
    expect(existsSync(out)).toBe(false)
    const partial = await assay([...argv, '--partial'])
    expect(partial).toMatchObject({ status: 0, stdout: expect.stringContaining('left out') })
  })

  it('says what wants a repair first', async () => {
    const out = join(room(), 'weights')
    const { status, stdout } = await assay(['export', goldenPath('flattened'), '--format', 'safetensors', '--out', out])
    expect(status).toBe(0)
    expect(stdout).toMatch(/warning.*repair first/)
  })

  it('refuses sizes, formats and dtypes that are none', async () => {
    const argv = ['export', goldenPath('seed-style'), '--out', 'x']
    const wrong = [
      ['--max-shard-size', 'huge'],
      ['--dtype', 'int3'],
      ['--format', 'zip'],
      ['--rename', 'a'],
    ]
    for (const options of wrong) expect((await assay([...argv, ...options])).status).toBe(2)
  })

  it('shows what it would write, and writes nothing, on a dry run', async () => {
    const out = join(room(), 'model.pt')
    const argv = ['export', goldenPath('seed-style'), '--out', out, '--add-prefix', 'model.', '--dry-run']
    const { status, stdout } = await assay([...argv, '--json'])
    expect(status).toBe(0)
    const plan = JSON.parse(stdout)
    expect(plan).toMatchObject({ schema: 1, format: 'torch', left: [], dropped: [] })
    expect(plan.tensors.every(({ name, was }: { name: string; was: string }) => name === `model.${was}`)).toBe(true)
    expect((await assay(argv)).stdout).toContain('Nothing was written')
    expect(existsSync(out)).toBe(false)
  })
})
