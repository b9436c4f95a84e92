import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { readAll, sha256Of } from '../../src/core/checkpoint/values'
import { exportWeights } from '../../src/core/repair/export'
import { golden, truthOf } from '../core/repair/cases'
import { python } from './python'

type Described = Record<string, { dtype: string; shape: number[]; sha256: string; data: number }>

const folder = mkdtempSync(join(tmpdir(), 'assay-write-'))
const LOADED = [
  'views.safetensors',
  'of-model.pt.bin',
  'of-reference.safetensors.bin',
  'of-views.pt.bin',
  'legacy.bin',
  'edited.pt',
  'edited.safetensors',
]
/** Names changed, one tensor dropped, the others no longer tied. The format is told by the name of the target. */
const EDITS = {
  drop: ['complex128'],
  rename: [{ pattern: '^tied\\.(.)$', to: 'heads.$1' }],
  addPrefix: 'model.',
  untie: true,
}
/** What Python finds in each exported file, by the way it was loaded. */
let loaded: Record<string, Record<'safetensors' | 'weights_only' | 'mmap', Described>>

beforeAll(async () => {
  python('write.py', 'make', folder)
  await exported(join(folder, 'views.pt'), 'views.safetensors', { format: 'safetensors' })
  for (const name of ['model.pt', 'reference.safetensors', 'views.pt']) {
    await exported(join(folder, name), `of-${name}.bin`, { format: 'torch' })
  }
  await exported(golden('torch-zoo-legacy/data/model.pt'), 'legacy.bin', { format: 'torch' })
  for (const name of ['edited.pt', 'edited.safetensors']) await exported(join(folder, 'views.pt'), name, EDITS)
  loaded = JSON.parse(python('write.py', 'load', folder, ...LOADED))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function using<T>(path: string, work: (checkpoint: Checkpoint) => Promise<T>): Promise<T> {
  const checkpoint = await openCheckpoint(path)
  try {
    return await work(checkpoint)
  } finally {
    checkpoint.close()
  }
}

/** Exports what is at `source`, and the path it went to. */
async function exported(source: string, name: string, options: Parameters<typeof exportWeights>[2]): Promise<string> {
  const out = join(folder, name)
  await using(source, (checkpoint) => exportWeights(checkpoint, out, { partial: true, ...options }))
  return out
}

/** What torch should find: every tensor of the checkpoint that can be written, with its digest. */
function expected(source: string): Promise<Record<string, unknown>> {
  return using(source, async ({ tensors }) => {
    const all = tensors
      .filter(({ form }) => form?.kind !== 'quantized')
      .map(async (tensor) => [
        tensor.name,
        { dtype: tensor.dtype, shape: tensor.shape, sha256: await sha256Of(tensor), data: expect.any(Number) },
      ])
    return Object.fromEntries(await Promise.all(all))
  })
}

describe('a safetensors export', () => {
  it.each(['model.pt', 'reference.safetensors'])('of %s is byte for byte what save_file writes', async (source) => {
    const out = await exported(join(folder, source), `of-${source}.safetensors`, { format: 'safetensors' })
    expect(readFileSync(out).equals(readFileSync(join(folder, 'reference.safetensors')))).toBe(true)
  })

  it('of strided and tied tensors loads with their values', async () => {
    const { complex128: _, ...expressible } = await expected(join(folder, 'views.pt'))
    expect(loaded['views.safetensors']?.safetensors).toEqual(expressible)
  })

  it('in shards loads with transformers, index and all', async () => {
    const out = await exported(golden('trainer-gpt2/data/checkpoint-20'), 'shards', {
      format: 'safetensors',
      maxShardSize: 40_000,
    })
    const facts = JSON.parse(python('pretrained.py', out, golden('trainer-gpt2/data/checkpoint-20')))
    expect(facts.files.length).toBeGreaterThan(1)
    expect(facts).toMatchObject({ missing: [], unexpected: [], different: [] })
  })

  it('of a rounded model is loaded by transformers in the dtype it was rounded to', async () => {
    const source = golden('trainer-gpt2/data/checkpoint-20')
    const out = await exported(source, 'rounded', { format: 'safetensors', dtype: 'bfloat16' })
    const facts = JSON.parse(python('pretrained.py', out, source))
    expect(facts).toMatchObject({ missing: [], unexpected: [], different: [], dtype: 'torch.bfloat16' })
  })
})

describe('a torch export', () => {
  it.each(['model.pt', 'reference.safetensors', 'views.pt'])(
    'of %s loads as weights only, mapped or not',
    async (name) => {
      const truth = await expected(join(folder, name))
      expect(loaded[`of-${name}.bin`]?.weights_only).toEqual(truth)
      expect(loaded[`of-${name}.bin`]?.mmap).toEqual(truth)
    },
  )

  it('keeps tied tensors tied, and no others', () => {
    const place = (name: string) => loaded['of-views.pt.bin']?.weights_only[name]?.data
    expect(place('tied.a')).toBe(place('tied.b'))
    expect(place('transposed')).not.toBe(place('tied.a'))
  })

  it('under other names, each tensor by itself, loads with the same values', async () => {
    const truth = await expected(join(folder, 'views.pt'))
    const renamed = Object.entries(truth)
      .filter(([name]) => name !== 'complex128')
      .map(([name, facts]) => [`model.${name.replace(/^tied\./, 'heads.')}`, facts])
    expect(loaded['edited.pt']?.mmap).toEqual(Object.fromEntries(renamed))
    expect(loaded['edited.safetensors']?.safetensors).toEqual(Object.fromEntries(renamed))
    const place = (name: string) => loaded['edited.pt']?.weights_only[name]?.data
    expect(place('model.heads.a')).not.toBe(place('model.heads.b'))
  })

  it('of a legacy stream has the values that PyTorch wrote into it', () => {
    const truth = truthOf('torch-zoo-legacy').tensors.map(({ name, sha256 }) => [name, sha256])
    const found = Object.entries(loaded['legacy.bin']?.mmap ?? {}).map(([name, { sha256 }]) => [name, sha256])
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(truth))
  })
})

describe('casting', () => {
  it.each(['float32', 'float16', 'bfloat16'])('to %s gives the bits that torch gives', async (dtype) => {
    const out = await exported(join(folder, 'cast.pt'), `${dtype}.safetensors`, { format: 'safetensors', dtype })
    const truth = JSON.parse(readFileSync(join(folder, 'cast.json'), 'utf8'))[dtype]
    await using(out, async ({ tensors }) => {
      expect(tensors.map(({ name }) => name).sort()).toEqual(Object.keys(truth).sort())
      for (const tensor of tensors) {
        const bytes = await readAll(tensor, 2 ** 20)
        if (Array.isArray(truth[tensor.name])) {
          expect(['int64', 'bool']).toContain(tensor.dtype)
          continue
        }
        expect(tensor.dtype).toBe(dtype)
        const got = widened(dtype, bytes)
        const wanted = new Uint32Array(new Uint8Array(Buffer.from(truth[tensor.name], 'hex')).buffer)
        const wrong = [...got.keys()].filter((i) => got[i] !== wanted[i])
        expect(
          wrong.slice(0, 3).map((i) => [i, got[i]?.toString(16), wanted[i]?.toString(16)]),
          tensor.name,
        ).toEqual([])
      }
    })
  })
})

/** The bits of the same values as float32, every NaN as 0x7fc00000. */
function widened(dtype: string, bytes: Uint8Array): Uint32Array {
  const aligned = bytes.slice().buffer
  if (dtype === 'float32') return canonical(new Uint32Array(aligned))
  const narrow = new Uint16Array(aligned)
  if (dtype === 'bfloat16') return canonical(Uint32Array.from(narrow, (bits) => bits << 16))
  const values = Float32Array.from(narrow, (bits) => {
    const magnitude = bits & 0x7fff
    const exponent = magnitude >> 10
    const fraction = (magnitude & 1023) / 1024
    const value = exponent === 31 ? (fraction ? Number.NaN : Number.POSITIVE_INFINITY) : undefined
    const finite = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15)
    return (value ?? finite) * (bits & 0x8000 ? -1 : 1)
  })
  return canonical(new Uint32Array(values.buffer))
}

function canonical(bits: Uint32Array): Uint32Array {
  return bits.map((each) => ((each & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : each))
}
