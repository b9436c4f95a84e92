import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { byteLength } from '../../../src/core/checkpoint/tensor'
import { type ExportOptions, exportWeights, planExport } from '../../../src/core/repair/export'
import { digests, golden, opened, scratch } from './cases'

const COMPILED = golden('torch-zoo-compiled/data/model.pt')

async function exported(source: string, options: ExportOptions, name = 'out.safetensors') {
  const out = join(scratch(), name)
  const result = await exportWeights(await opened(source), out, options)
  return { result, names: (await opened(out)).tensors.map((tensor) => tensor.name), made: await opened(out) }
}

describe('an export that changes names', () => {
  it('takes a prefix off, replaces patterns and puts a prefix on, in this order', async () => {
    const { names } = await exported(COMPILED, {
      stripPrefix: '_orig_mod.',
      rename: [{ pattern: '^h\\.(\\d+)\\.', to: 'layers.$1.' }],
      addPrefix: 'model.',
    })
    expect(names).toContain('model.layers.0.ln_1.weight')
    expect(names.every((name) => name.startsWith('model.'))).toBe(true)
  })

  it('keeps and drops by glob, by the names in the checkpoint', async () => {
    const { names, result } = await exported(COMPILED, {
      keep: ['*.h.0.*'],
      drop: ['*.bias'],
      stripPrefix: '_orig_mod.',
    })
    expect(names.length).toBeGreaterThan(0)
    expect(names.every((name) => name.startsWith('h.0.') && name.endsWith('.weight'))).toBe(true)
    expect(result.dropped).toContain('_orig_mod.wte.weight')
  })

  it('refuses names that meet, naming both, and writes nothing', async () => {
    const out = join(scratch(), 'out.safetensors')
    const collided = exportWeights(await opened(COMPILED), out, { rename: [{ pattern: 'ln_[12]', to: 'ln' }] })
    await expect(collided).rejects.toMatchObject({
      code: 'target/duplicate-name',
      message: expect.stringMatching(/ln_1.*ln_2.*ln/),
    })
    expect(existsSync(out)).toBe(false)
  })

  it.each([
    [{ stripPrefix: 'module.' }],
    [{ drop: ['*.nothing'] }],
    [{ rename: [{ pattern: '(', to: '' }] }],
  ] as ExportOptions[][])('refuses what fits nothing or is no pattern: %j', async (options) => {
    const failed = exportWeights(await opened(COMPILED), join(scratch(), 'out'), options ?? {})
    await expect(failed).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('a plan of an export', () => {
  it('tells names, dtypes and files before anything is written', async () => {
    const out = join(scratch(), 'model.pt')
    const plan = await planExport(await opened(COMPILED), out, { stripPrefix: '_orig_mod.', dtype: 'float16' })
    expect(plan).toMatchObject({ format: 'torch', left: [], files: [{ path: 'model.pt' }] })
    expect(plan.tensors[0]).toMatchObject({ was: '_orig_mod.wte.weight', name: 'wte.weight', wasDtype: 'float32' })
    expect(existsSync(out)).toBe(false)
  })

  it('tells how much of what it reads it has read, up to the end', async () => {
    const checkpoint = await opened(golden('trainer-gpt2/data/checkpoint-30'))
    const told: [done: number, total: number][] = []
    const onProgress = (done: number, total: number) => told.push([done, total])
    await planExport(checkpoint, join(scratch(), 'out.safetensors'), { dtype: 'float16', onProgress })
    const bytes = checkpoint.tensors.flatMap((tensor) => (tensor.component === 'weights' ? byteLength(tensor) : []))
    const all = bytes.reduce((sum, each) => sum + each, 0)
    expect(told.at(-1)).toEqual([all, all])
    told.length = 0
    await planExport(checkpoint, join(scratch(), 'out.safetensors'), { onProgress })
    expect(told.every(([, total]) => total === 0)).toBe(true)
  })

  it('counts the values that rounding does not keep', async () => {
    const checkpoint = await opened(golden('torch-zoo-dtypes/data/model.pt'))
    const plan = await planExport(checkpoint, join(scratch(), 'out.pt'), { dtype: 'float16' })
    const result = await exportWeights(checkpoint, join(scratch(), 'out.pt'), { dtype: 'float16', partial: true })
    expect(result.warnings).toEqual(plan.warnings)
  })
})

describe('the format of an export', () => {
  it.each([
    ['model.safetensors', 'safetensors'],
    ['model.pt', 'torch-zip'],
    ['model.bin', 'torch-zip'],
  ])('is told by the name of the target: %s', async (name, kind) => {
    const { made } = await exported(COMPILED, {}, name)
    expect(made.files[0]?.kind).toBe(kind)
    expect(await digests(made)).toEqual(await digests(await opened(COMPILED)))
  })
})

describe('an adapter', () => {
  const ADAPTER = golden('trainer-lora/data/checkpoint-10')
  const BASE = golden('trainer-lora/data/base')

  it('is exported with its config and tokenizer, and nothing of its training', async () => {
    const out = join(scratch(), 'out')
    await exportWeights(await opened(ADAPTER), out, {})
    expect(readdirSync(out).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(readFileSync(join(out, 'adapter_config.json'))).toEqual(readFileSync(join(ADAPTER, 'adapter_config.json')))
  })

  it('is merged into the weights that it was trained for and into no others', async () => {
    const out = join(scratch(), 'out')
    const base = await opened(BASE)
    await exportWeights(base, out, { adapter: await opened(ADAPTER) })
    const [before, after] = [await digests(base), await digests(await opened(out))]
    const changed = after.filter(({ sha256 }, i) => sha256 !== before[i]?.sha256).map(({ name }) => name)
    expect(changed.length).toBe(4)
    expect(changed.every((name) => /[qv]_proj\.weight$/.test(name))).toBe(true)
  })

  it('is refused where it does not fit the base', async () => {
    const merged = exportWeights(await opened(golden('trainer-gpt2/data/checkpoint-10')), join(scratch(), 'out'), {
      adapter: await opened(ADAPTER),
    })
    await expect(merged).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/has no .*q_proj/) })
  })
})
