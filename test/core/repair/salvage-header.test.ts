import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { byName, digests, golden, opened, planned, scratch, truthOf } from './cases'

const kernel = referenceKernel
const healthy = byName(truthOf('damaged-healthy-st').tensors)
const without = (...names: string[]) => healthy.filter(({ name }) => !names.includes(name))

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

/** The healthy file with another header, its length, its data. */
function damaged(change: (parts: { header: Header; text: string; length: number; data: Buffer }) => object): string {
  const bytes = readFileSync(golden('damaged-healthy-st/data/model.safetensors'))
  const length = Number(bytes.readBigUInt64LE(0))
  const text = bytes.subarray(8, 8 + length).toString()
  const parts = { header: JSON.parse(text) as Header, text, length, data: bytes.subarray(8 + length) }
  const changed: { text?: string; length?: number; data?: Buffer } = change(parts)
  const json = Buffer.from(changed.text ?? JSON.stringify(parts.header))
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(BigInt(changed.length ?? json.length))
  const path = join(scratch(), 'model.safetensors')
  writeFileSync(path, Buffer.concat([head, json, changed.data ?? parts.data]))
  return path
}

async function mended(path: string, options: Parameters<typeof planned>[1] = {}) {
  const { checkpoint, plan } = await planned(path, options)
  const out = join(scratch(), 'mended')
  const result = await applyRepair(checkpoint, plan, { kernel, out })
  return { plan, result, saved: result.applied ? await digests(await opened(out)) : [] }
}

const file = (name: string) => golden(`${name}/data/model.safetensors`)

describe('a header that contradicts itself', () => {
  it('with a tensor moved over another has it where nothing else lies', async () => {
    const { plan, saved } = await mended(file('damaged-st-overlap'))
    expect(saved).toEqual(healthy)
    expect(plan.plan[1]).toMatchObject({ subject: 'fc1.bias', confidence: 'likely' })
    expect(plan.plan[0]?.lost).toBeUndefined()
  })

  it('with two tensors over one another and no other room for either asks which to believe', async () => {
    const path = damaged(({ header, data }) => {
      for (const name of ['fc1.bias', 'fc1.weight', 'fc2.weight', 'norm.weight']) {
        const entry = header[name] as Header[string]
        entry.data_offsets = [entry.data_offsets[0] - 256, entry.data_offsets[1] - 256]
      }
      return { data: data.subarray(256) }
    })
    const { plan, saved } = await mended(path)
    expect(plan.plan.filter(({ confidence }) => confidence === 'ask').map(({ subject }) => subject)).toEqual([
      'embed.weight',
      'fc1.bias',
    ])
    expect(saved).toEqual(without('embed.weight', 'fc1.bias'))
    expect(plan.plan[0]?.lost).toEqual([
      'embed.weight: it shares 256 bytes with "fc1.bias"',
      'fc1.bias: it shares 256 bytes with "embed.weight"',
    ])
    const chosen = await mended(path, { decisions: [{ step: 3, choice: 'place-1' }] })
    expect(chosen.saved).toEqual(without('embed.weight'))
  })

  it('with one place under two names of one shape keeps both: they are tied', async () => {
    const path = damaged(({ header }) => {
      header['lm_head.weight'] = header['embed.weight'] as Header[string]
      return {}
    })
    const { plan, saved } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'certain' }])
    const embed = healthy.find(({ name }) => name === 'embed.weight')
    expect(saved).toEqual(byName([...healthy, { ...embed, name: 'lm_head.weight' } as (typeof healthy)[number]]))
  })

  it('that names a tensor twice shows both places and asks', async () => {
    const path = file('damaged-st-duplicate')
    const { plan, saved } = await mended(path)
    expect(saved).toEqual(without('fc1.bias'))
    expect(plan.plan[1]).toMatchObject({
      confidence: 'ask',
      choices: [
        { id: 'place-1', evidence: 'No other tensor claims a byte of it' },
        { id: 'place-2', evidence: '"norm.weight" claims bytes of it too' },
      ],
    })
    expect(plan.unmended).toContainEqual(expect.objectContaining({ why: expect.stringContaining('until you say') }))
    const chosen = await mended(path, { decisions: [{ step: 2, choice: 'place-1' }] })
    expect(chosen.saved).toEqual(healthy)
    expect(chosen.result.verdictAfter).toBe('partial')
  })

  it('that names a tensor twice with the same words leaves nothing in doubt', async () => {
    const path = damaged(({ text }) => ({ text: text.replace(/"fc1\.bias":\{[^}]*\},/, '$&$&') }))
    const { plan, saved } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'certain' }])
    expect(saved).toEqual(healthy)
  })

  it.each([
    ['a reference', { reference: golden('damaged-healthy-st/data') }],
    ['the user', { shapes: { 'fc1.weight': [256, 64] } }],
  ])('with a shape of other bytes keeps the bytes where %s tells the shape', async (_, options) => {
    const path = file('damaged-st-shape-bytes')
    expect((await mended(path)).saved).toEqual(without('fc1.weight'))
    expect((await mended(path, options)).saved).toEqual(healthy)
  })

  it('with an end that is not where the shape ends believes the shape, as the next tensor begins there', async () => {
    const path = damaged(({ header }) => {
      const entry = header['fc1.weight'] as Header[string]
      entry.data_offsets = [entry.data_offsets[0], entry.data_offsets[1] - 512]
      return {}
    })
    const { plan, saved } = await mended(path)
    expect(plan.plan[1]).toMatchObject({ subject: 'fc1.weight', confidence: 'likely' })
    expect(saved).toEqual(healthy)
  })

  it.each([
    ['a hole', ({ header }: { header: Header }) => void Reflect.deleteProperty(header, 'fc1.weight'), 'fc1.weight'],
    [
      'a dtype that there is not',
      ({ header }: { header: Header }) => Object.assign(header['fc1.weight'] ?? {}, { dtype: 'F31' }),
      'fc1.weight',
    ],
    [
      'a place that runs backwards',
      ({ header }: { header: Header }) => (header['norm.weight'] as Header[string]).data_offsets.reverse(),
      'norm.weight',
    ],
  ])('with %s keeps all other tensors', async (_, change, gone) => {
    const path = damaged((parts) => {
      change(parts)
      return {}
    })
    expect((await mended(path)).saved).toEqual(without(gone))
    const whole = await mended(path, { reference: golden('damaged-healthy-st/data') })
    expect(whole.saved).toEqual(healthy)
  })

  it('with a dtype or a place that makes no sense says that the tensor is lost', async () => {
    const path = damaged(({ header }) => {
      Object.assign(header['fc1.weight'] ?? {}, { dtype: 'F31' })
      return {}
    })
    const { plan } = await planned(path)
    expect(plan.plan[0]?.lost).toEqual([expect.stringContaining('"fc1.weight" has the unknown dtype "F31"')])
  })
})

describe('a header of another length than the file says', () => {
  it.each([
    ['larger than any file', () => 2 ** 60],
    ['a little too long', (length: number) => length + 8],
    ['far too long', (length: number) => length + 4096],
    ['too short', (length: number) => length - 40],
    [
      'without the spaces behind it',
      (length: number, text: string) => (text.endsWith(' ') ? text.trimEnd().length : length - 1),
    ],
  ])('(%s) is found, and no value is lost', async (_, wrong) => {
    const path = damaged(({ text, length }) => ({ text, length: wrong(length, text) }))
    const { plan, saved } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'certain' }])
    expect(saved).toEqual(healthy)
  })

  it('is not guessed where the file is cut as well', async () => {
    const path = damaged(({ text, data }) => ({ text, length: 2 ** 60, data: data.subarray(0, -4) }))
    expect((await planned(path)).plan.plan).toEqual([])
  })

  it('with a text that is damaged keeps the tensors that can be read', async () => {
    const path = damaged(({ text, length }) => ({ text: text.replace('"fc1.weight":{', '"fc1.weight"~{'), length }))
    const { plan, saved } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'likely' }])
    expect(saved).toEqual(without('fc1.weight'))
  })
})

it('an export leaves out what a header contradicts itself about', async () => {
  const { exportWeights } = await import('../../../src/core/repair/export')
  const checkpoint = await opened(file('damaged-st-duplicate'))
  const out = join(scratch(), 'out.safetensors')
  await expect(exportWeights(checkpoint, out, {})).rejects.toMatchObject({ code: 'target/incomplete' })
  const { left } = await exportWeights(checkpoint, out, { partial: true })
  expect(left).toEqual([{ name: 'fc1.bias', why: 'the header names it with 2 places or shapes' }])
  expect(await digests(await opened(out))).toEqual(without('fc1.bias'))
})
