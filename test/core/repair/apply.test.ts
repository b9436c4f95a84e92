import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import * as fileSink from '../../../src/core/bytes/file-sink'
import { memorySource, readBytes } from '../../../src/core/bytes/source'
import { entrySource, openZip } from '../../../src/core/container/zip'
import { applyRepair, type RepairOptions } from '../../../src/core/repair/apply'
import { damage, partialIn } from '../bytes/scratch'
import { byName, digests, golden, opened, planned, scratch, snapshot, truthOf } from './cases'

vi.mock(import('../../../src/core/bytes/file-sink'), async (original) => ({ ...(await original()) }))
afterEach(() => vi.restoreAllMocks())

const kernel = referenceKernel

/** Plans and applies in one go; what is planned is what a user would get without refusing anything. */
async function repaired(
  path: string,
  out: string,
  options: Parameters<typeof planned>[1] & Partial<RepairOptions> = {},
) {
  const { checkpoint, plan } = await planned(path, options)
  return applyRepair(checkpoint, plan, { kernel, out, ...options })
}

describe('a repair into a new folder', () => {
  it.each(['flattened', 'zero-size', 'frozen-missing', 'replicated-buffer'])(
    'restores %s to the truth',
    async (name) => {
      const source = golden(`${name}/data/checkpoint`)
      const before = snapshot(source)
      const out = join(scratch(), 'mended')
      const result = await repaired(source, out, { reference: golden(`${name}/data/reference`) })
      expect(result).toMatchObject({ applied: true, out, unmended: name === 'frozen-missing' ? expect.anything() : [] })
      const truth = truthOf(name)
      const reference = name === 'frozen-missing' ? await digests(await opened(golden(`${name}/data/reference`))) : []
      const added = reference.filter((tensor) => !truth.tensors.some((own) => own.name === tensor.name))
      expect(await digests(await opened(out))).toEqual(byName([...(truth.repaired ?? truth.tensors), ...added]))
      expect(result.compared).toBe((truth.repaired ?? truth.tensors).length + added.length)
      expect(snapshot(source)).toEqual(before)
    },
  )

  it('judges the result anew', async () => {
    const result = await repaired(golden('flattened/data/checkpoint'), join(scratch(), 'mended'), {
      reference: golden('flattened/data/reference'),
    })
    expect([result.verdictBefore, result.verdictAfter]).toEqual(['broken', 'partial'])
  })

  it('calls the result broken where a shape by hand is not what the config gives', async () => {
    const shapes = { 'model.encoder.conv1.weight': [1280, 3, 128] }
    const out = join(scratch(), 'mended')
    const result = await repaired(golden('flattened/data/checkpoint'), out, { shapes })
    expect(result).toMatchObject({ applied: true, verdictAfter: 'broken' })
    const { verification, plan } = await planned(out)
    expect(verification.findings).toContainEqual(
      expect.objectContaining({ rule: 'weights/shape-mismatch', subject: 'model.encoder.conv1.weight' }),
    )
    expect(plan.unmended.map(({ subject }) => subject)).toContain('model.encoder.conv1.weight')
  })

  it('copies every other file byte for byte and tells what was done', async () => {
    const source = golden('flattened/data/checkpoint')
    const out = join(scratch(), 'mended')
    await repaired(source, out)
    expect(snapshot(out).get('config.json')).toBe(snapshot(source).get('config.json'))
    const record = JSON.parse(readFileSync(join(out, 'assay-repair.json'), 'utf8'))
    expect(record).toMatchObject({ schema: 1, source, files: [{ path: 'model.safetensors', action: 'write' }, {}] })
    expect(record.steps).toHaveLength(4)
    expect(record.steps[0]).toMatchObject({ subject: 'model.encoder.conv1.weight', before: '[491520]' })
    const { metadata } = (await opened(out)).files[0] ?? {}
    expect(metadata?.format).toBe('pt')
    expect(JSON.parse(metadata?.['assay.repair'] ?? '')).toHaveLength(4)
  })

  it('leaves out the steps that the user refuses', async () => {
    const out = join(scratch(), 'mended')
    await repaired(golden('flattened/data/checkpoint'), out, { refused: [1, 3, 4] })
    const shapes = (await opened(out)).tensors.map(({ shape }) => shape.length).sort()
    expect(shapes).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2])
  })

  it('writes nothing when nothing is left to do', async () => {
    const folder = scratch()
    const result = await repaired(golden('rank-shard/data/pytorch_model_rank0.bin'), join(folder, 'mended'))
    expect(result).toMatchObject({ applied: false, out: null, verdictAfter: null, compared: 0 })
    expect(readdirSync(folder)).toEqual([])
  })

  it('keeps the record of an earlier repair', async () => {
    const folder = scratch()
    await repaired(golden('flattened/data/checkpoint'), join(folder, 'first'), { refused: [1] })
    await repaired(join(folder, 'first'), join(folder, 'second'))
    const record = JSON.parse(readFileSync(join(folder, 'second', 'assay-repair.json'), 'utf8'))
    expect(record.steps).toHaveLength(1)
    expect(record.previous.steps).toHaveLength(3)
  })

  it('notes every repair inside the files it changes', async () => {
    const folder = scratch()
    await repaired(golden('flattened/data/checkpoint'), join(folder, 'first'), { refused: [1] })
    await repaired(join(folder, 'first'), join(folder, 'second'))
    const { metadata } = (await opened(join(folder, 'second'))).files[0] ?? {}
    expect(JSON.parse(metadata?.['assay.repair'] ?? '')).toHaveLength(4)

    await repaired(golden('torch-zoo-compiled/data/model.pt'), join(folder, 'model.pt'))
    const zip = await openZip(memorySource('model.pt', readFileSync(join(folder, 'model.pt'))))
    const record = zip.entries.find(({ name }) => name === 'model/assay-repair.json')
    const source = record && entrySource(zip, record)
    const text = source && new TextDecoder().decode(await readBytes(source, 0, source.size))
    expect(JSON.parse(text ?? '')).toMatchObject([{ kind: 'rename', subject: 'model.pt' }])
  })

  it('renews the index when a shard is refilled', async () => {
    const out = join(scratch(), 'mended')
    const result = await repaired(golden('sharded-missing-shard/data'), out, { reference: golden('sharded/data') })
    expect(result.verdictAfter).toBe('partial')
    expect(await digests(await opened(out))).toEqual(await digests(await opened(golden('sharded/data'))))
    const index = JSON.parse(readFileSync(join(out, 'model.safetensors.index.json'), 'utf8'))
    const whole = JSON.parse(readFileSync(golden('sharded/data/model.safetensors.index.json'), 'utf8'))
    expect(index.metadata).toEqual(whole.metadata)
    expect(Object.keys(index.weight_map)).toEqual(Object.keys(whole.weight_map).sort())
  })
})

describe('a repair of a PyTorch file', () => {
  it.each(['torch-zoo-compiled', 'torch-zoo-compiled-ddp'])(
    'gives %s clean names and the same values',
    async (name) => {
      const out = join(scratch(), 'mended.pt')
      const result = await repaired(golden(`${name}/data/model.pt`), out)
      expect(result.compared).toBe(17)
      const clean = (text: string) => text.replace(/^(module\.)?_orig_mod\./, '')
      const truth = truthOf(name).tensors.map((tensor) => ({ ...tensor, name: clean(tensor.name) }))
      expect(await digests(await opened(out))).toEqual(byName(truth))
    },
  )

  it('fills placeholders with storages of their own', async () => {
    const out = join(scratch(), 'mended.bin')
    const reference = golden('placeholder-1/data/reference')
    await repaired(golden('placeholder-1/data/pytorch_model.bin'), out, { reference })
    const whole = (await digests(await opened(reference))).filter(({ name }) => name.includes('layers'))
    const mended = await digests(await opened(out))
    expect(mended.filter(({ name }) => name.includes('layers'))).toEqual(whole)
  })

  it('puts a single file into a folder when the target is one', async () => {
    const out = join(scratch(), 'mended')
    await repaired(golden('torch-zoo-compiled/data/model.pt'), out)
    expect(readdirSync(out).sort()).toEqual(['assay-repair.json', 'model.pt'])
  })

  it('refuses to copy a record whose checksum is wrong, which would hide the damage', async () => {
    const path = join(scratch(), 'model.pt')
    const bytes = readFileSync(golden('torch-zoo-compiled/data/model.pt'))
    bytes[40_000] = (bytes[40_000] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const folder = scratch()
    await expect(repaired(path, join(folder, 'mended.pt'))).rejects.toMatchObject({ code: 'file/checksum' })
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a repair in place', () => {
  function copyOf(name: string): string {
    const folder = join(scratch(), 'checkpoint')
    cpSync(golden(name), folder, { recursive: true })
    return folder
  }
  async function inPlace(path: string, options: Partial<RepairOptions> = {}) {
    const { checkpoint, plan } = await planned(path)
    return applyRepair(checkpoint, plan, { kernel, inPlace: true, ...options })
  }

  it('keeps the originals as .backup', async () => {
    const folder = copyOf('flattened/data/checkpoint')
    const before = snapshot(folder)
    const result = await inPlace(folder)
    expect(result).toMatchObject({ applied: true, out: folder, verdictAfter: 'partial', compared: 9 })
    const after = snapshot(folder)
    expect([...after.keys()].sort()).toEqual([
      'assay-repair.json',
      'config.json',
      'model.safetensors',
      'model.safetensors.backup',
    ])
    expect(after.get('model.safetensors.backup')).toBe(before.get('model.safetensors'))
    expect(await digests(await opened(folder))).toEqual(byName(truthOf('flattened').repaired))
  })

  it('refuses when a backup is there already, and changes nothing', async () => {
    const folder = copyOf('flattened/data/checkpoint')
    writeFileSync(join(folder, 'model.safetensors.backup'), 'older')
    const before = snapshot(folder)
    await expect(inPlace(folder)).rejects.toMatchObject({ code: 'target/exists' })
    expect(snapshot(folder)).toEqual(before)
  })

  it('puts everything back when it is cancelled after the swap', async () => {
    const folder = copyOf('flattened/data/checkpoint')
    const before = snapshot(folder)
    const abort = new AbortController()
    const onProgress = (done: number, total: number) => done > total / 2 && abort.abort()
    await expect(inPlace(folder, { signal: abort.signal, onProgress })).rejects.toMatchObject({ code: 'cancelled' })
    expect(snapshot(folder)).toEqual(before)
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors'])
  })

  it('changes only the file it was given', async () => {
    const folder = scratch()
    copyFileSync(golden('torch-zoo-compiled/data/model.pt'), join(folder, 'model.pt'))
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    await inPlace(join(folder, 'model.pt'))
    expect(readdirSync(folder).sort()).toEqual([
      'model.pt',
      'model.pt.assay-repair.json',
      'model.pt.backup',
      'notes.txt',
    ])
  })
})

describe('a repair that fails', () => {
  const source = golden('flattened/data/checkpoint')

  it('leaves nothing behind when it is cancelled, at any point', async () => {
    for (const share of [0, 0.3, 0.6, 0.99]) {
      const folder = scratch()
      const abort = new AbortController()
      const onProgress = (done: number, total: number) => done >= total * share && abort.abort()
      await expect(
        repaired(source, join(folder, 'mended'), { signal: abort.signal, onProgress }),
      ).rejects.toMatchObject({
        code: 'cancelled',
      })
      expect(readdirSync(folder)).toEqual([])
    }
  })

  it.each(['a file', 'a folder with something in it'])('leaves %s at the target alone', async (what) => {
    const folder = scratch()
    const out = what === 'a file' ? join(folder, 'mended') : folder
    writeFileSync(join(folder, 'mended'), 'mine')
    await expect(repaired(source, out)).rejects.toMatchObject({ code: 'target/exists' })
    expect([...snapshot(folder)]).toEqual([['mended', Buffer.from('mine').toString('base64')]])
  })

  it('writes into an empty folder', async () => {
    const out = scratch()
    await repaired(source, out)
    expect(readdirSync(out).sort()).toEqual(['assay-repair.json', 'config.json', 'model.safetensors'])
  })

  it('refuses a target inside the checkpoint, and a folder that is not there', async () => {
    const folder = join(scratch(), 'checkpoint')
    cpSync(source, folder, { recursive: true })
    await expect(repaired(folder, join(folder, 'mended'))).rejects.toMatchObject({ code: 'target/inside-source' })
    await expect(repaired(folder, join(folder, '..', 'not', 'there'))).rejects.toMatchObject({
      code: 'target/unwritable',
    })
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors'])
  })

  it('refuses a target that a link leads into the checkpoint', async () => {
    const folder = join(scratch(), 'checkpoint')
    cpSync(source, folder, { recursive: true })
    const link = join(scratch(), 'link')
    symlinkSync(folder, link)
    await expect(repaired(folder, join(link, 'mended'))).rejects.toMatchObject({ code: 'target/inside-source' })
    await expect(repaired(link, join(folder, 'mended'))).rejects.toMatchObject({ code: 'target/inside-source' })
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors'])
  })

  it('leaves out what a repair that was killed had begun in the folder', async () => {
    const folder = join(scratch(), 'checkpoint')
    cpSync(source, folder, { recursive: true })
    const room = join(folder, '.assay-repair.assay-5bce98f7-4144-L40L8T', 'assay-repair')
    mkdirSync(room, { recursive: true })
    writeFileSync(join(room, 'model.safetensors'), 'half')
    writeFileSync(join(folder, '.checkpoint.assay-lock'), '{}')
    writeFileSync(join(folder, '.notes'), 'mine')
    const out = join(scratch(), 'mended')
    await repaired(folder, out)
    expect(readdirSync(out).sort()).toEqual(['.notes', 'assay-repair.json', 'config.json', 'model.safetensors'])
  })

  it('looks for room before it writes', async () => {
    const folder = scratch()
    vi.spyOn(fileSink, 'freeBytes').mockReturnValue(1000)
    await expect(repaired(source, join(folder, 'mended'))).rejects.toMatchObject({
      code: 'target/no-space',
      message: expect.stringContaining('only 1000 are free'),
    })
    expect(readdirSync(folder)).toEqual([])
  })

  it('leaves nothing behind when the disk fills up', async () => {
    const folder = scratch()
    const { createFileSink } = fileSink
    vi.spyOn(fileSink, 'createFileSink').mockImplementation(async (path) => {
      const sink = await createFileSink(path)
      const write = sink.write.bind(sink)
      sink.write = async (bytes) => {
        if (sink.position > 500_000)
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
        await write(bytes)
      }
      return sink
    })
    await expect(repaired(source, join(folder, 'mended'))).rejects.toThrow('ENOSPC')
    expect(readdirSync(folder)).toEqual([])
  })

  it('leaves nothing behind when the source is cut off between plan and repair', async () => {
    const folder = scratch()
    const path = join(folder, 'checkpoint')
    cpSync(source, path, { recursive: true })
    const { checkpoint, plan } = await planned(path)
    truncateSync(join(path, 'model.safetensors'), 700_000)
    const applying = applyRepair(checkpoint, plan, { kernel, out: join(folder, 'mended') })
    await expect(applying).rejects.toMatchObject({ code: expect.stringMatching(/^file\/(truncated|changed)$/) })
    expect(readdirSync(folder)).toEqual(['checkpoint'])
  })

  it('notices when a file does not read back as it was written', async () => {
    const folder = scratch()
    const { createFileSink } = fileSink
    vi.spyOn(fileSink, 'createFileSink').mockImplementation(async (path) => {
      const sink = await createFileSink(path)
      const commit = sink.commit.bind(sink)
      sink.commit = async () => {
        if (path.endsWith('.safetensors')) damage(partialIn(dirname(path)), sink.position - 9)
        await commit()
      }
      return sink
    })
    await expect(repaired(source, join(folder, 'mended'))).rejects.toMatchObject({ code: 'target/mismatch' })
    expect(readdirSync(folder)).toEqual([])
  })
})
