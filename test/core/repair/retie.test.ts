import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { exportWeights } from '../../../src/core/repair/export'
import { digests, golden, opened, planned, scratch, truthOf } from './cases'

const kernel = referenceKernel
const [EMBEDDING, HEAD] = ['model.embed_tokens.weight', 'lm_head.weight'] as const

const truth = new Map(truthOf('ranks-fsdp2').tensors.map(({ name, sha256 }) => [name, sha256]))

/** A Llama whose head and embedding were trained apart, beside a config that ties them. */
async function untied(format: 'safetensors' | 'torch'): Promise<string> {
  const path = join(scratch(), 'model')
  await exportWeights(await opened(golden('ranks-fsdp2/data')), path, { format })
  const config = JSON.parse(readFileSync(golden('ranks-fsdp2/data/config.json'), 'utf8'))
  writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, tie_word_embeddings: true }))
  return path
}

async function pairAt(path: string) {
  const found = await digests(await opened(path))
  return [EMBEDDING, HEAD].map((name) => found.find((tensor) => tensor.name === name)?.sha256)
}

describe('a head and an embedding that config.json ties and that differ', () => {
  it('are asked about, and stay as they are until someone says which is meant', async () => {
    const path = await untied('safetensors')
    const { checkpoint, plan } = await planned(path, { deep: true })
    expect(plan.plan).toMatchObject([{ kind: 'retie', subject: HEAD, confidence: 'ask', before: 'two tensors' }])
    expect(plan.plan[0]?.choices?.map(({ id }) => id)).toEqual([EMBEDDING, HEAD])
    expect(plan.unmended.map(({ rule }) => rule)).toContain('weights/tied-differs')
    const result = await applyRepair(checkpoint, plan, { kernel, out: join(scratch(), 'mended') })
    expect(result.applied).toBe(false)
  })

  it.each([
    ['safetensors', EMBEDDING],
    ['safetensors', HEAD],
    ['torch', EMBEDDING],
    ['torch', HEAD],
  ] as const)('become one in %s, with the values of %s where that is chosen', async (format, choice) => {
    const path = await untied(format)
    const { checkpoint, plan } = await planned(path, { deep: true, decisions: [{ step: 1, choice }] })
    const out = join(scratch(), 'mended')
    await applyRepair(checkpoint, plan, { kernel, out })
    expect(await pairAt(out)).toEqual([truth.get(choice), truth.get(choice)])
    const again = await planned(out, { deep: true })
    expect(again.verification.findings.map(({ rule }) => rule)).not.toContain('weights/tied-differs')
  })

  it('are not asked about where one of them is full of NaN: the other has the values', async () => {
    const path = await untied('safetensors')
    const file = join(path, 'model.safetensors')
    const bytes = readFileSync(file)
    const length = Number(bytes.readBigUInt64LE(0))
    const [begin, end] = JSON.parse(bytes.subarray(8, 8 + length).toString())[HEAD].data_offsets
    for (let at = begin; at < end; at += 4) bytes.writeFloatLE(Number.NaN, 8 + length + at)
    writeFileSync(file, bytes)
    const { checkpoint, plan } = await planned(path, { deep: true })
    expect(plan.plan).toMatchObject([{ kind: 'restore-values', subject: HEAD, confidence: 'certain' }])
    const out = join(scratch(), 'mended')
    await applyRepair(checkpoint, plan, { kernel, out })
    expect(await pairAt(out)).toEqual([truth.get(EMBEDDING), truth.get(EMBEDDING)])
  })

  it('are left alone where the config does not tie them', async () => {
    const path = await untied('safetensors')
    cpSync(golden('ranks-fsdp2/data/config.json'), join(path, 'config.json'))
    expect((await planned(path, { deep: true })).plan.plan).toEqual([])
  })
})
