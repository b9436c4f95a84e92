import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ExportOptions, exportWeights, planExport } from '../../../src/core/repair/export'
import { byName, digests, golden, opened, scratch, truthOf } from './cases'

const OPTIMIZER = 'global_step10/zero_pp_rank_0_mp_rank_00_optim_states.pt'

async function exported(name: string, options: ExportOptions) {
  const out = join(scratch(), 'model.safetensors')
  const result = await exportWeights(await opened(golden(`${name}/data`)), out, options)
  return { result, tensors: await digests(await opened(out)) }
}

describe('the masters of a training in 16 bits', () => {
  it('are told of where the rounded weights are written', async () => {
    const plan = await planExport(await opened(golden('zero2/data')), 'model.safetensors', {})
    expect(plan.masters).toEqual({ count: 30, file: OPTIMIZER, dtype: 'float32', written: false })
    expect(plan.tensors.every(({ dtype }) => dtype === 'float16')).toBe(true)
  })

  it('are told of as a change of the dtype where they are to be written', async () => {
    const { tensors } = await planExport(await opened(golden('zero2/data')), 'model.safetensors', { masters: true })
    const changed = tensors.filter(({ wasDtype }) => wasDtype !== undefined)
    expect(changed).toHaveLength(30)
    expect(changed.every(({ dtype, wasDtype }) => wasDtype === 'float16' && dtype === 'float32')).toBe(true)
  })

  it('are written in place of them, those of a tied weight under both names', async () => {
    const { result, tensors } = await exported('zero2', { masters: true })
    expect(result.masters).toMatchObject({ count: 30, written: true })
    // A buffer and a frozen weight have no masters: DeepSpeed keeps them in 16 bits only.
    const narrow = tensors.filter(({ dtype }) => dtype === 'float16').map(({ name }) => name)
    expect(narrow).toEqual(['mask', 'wpe.weight'])
    const wide = byName(truthOf('zero2').tensors).filter(({ name }) => !narrow.includes(name))
    expect(tensors.filter(({ name }) => !narrow.includes(name))).toEqual(wide)
    expect(wide.some(({ name }) => name === 'lm_head.weight')).toBe(true)
  })

  it.each(['zero2', 'zero3'])('of %s are with --dtype float32 all that zero_to_fp32.py writes', async (name) => {
    const options = name === 'zero2' ? { masters: true } : {}
    const { tensors } = await exported(name, { ...options, dtype: 'float32' })
    expect(tensors).toEqual(byName(truthOf(name).tensors))
  })

  it('are not written where those of a rank are not here', async () => {
    await expect(exported('zero2-rank-missing', { masters: true })).rejects.toMatchObject({ code: 'target/incomplete' })
    expect((await exported('zero2-rank-missing', {})).tensors).toHaveLength(32)
  })

  it.each(['zero3/data', 'trainer-gpt2/data/checkpoint-30'])('are not there to be asked for in %s', async (path) => {
    const checkpoint = await opened(golden(path))
    expect((await planExport(checkpoint, 'model.safetensors', {})).masters).toBeUndefined()
    await expect(planExport(checkpoint, 'model.safetensors', { masters: true })).rejects.toMatchObject({
      code: 'usage',
    })
  })
})
