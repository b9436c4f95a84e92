import { describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import type { Tensor } from '../../../../src/core/checkpoint/tensor'
import { configMismatch } from '../../../../src/core/verify/rules/config-mismatch'
import { verify } from '../../../../src/core/verify/verify'
import { goldenPath } from '../../../golden/cases'
import { findingsOf } from '../handmade'

/** A healthy GPT-2 with other fields in its config, each tensor as `form` has it (or gone), and no optimizer where `bare`. */
async function verified(fields: object, form = (tensor: Tensor): Partial<Tensor> | undefined => tensor, bare = false) {
  const checkpoint = await openCheckpoint(goldenPath('trainer-gpt2'))
  checkpoint.close()
  const { config, tensors, state } = checkpoint
  const changed: Checkpoint = {
    ...checkpoint,
    config: { ...(config as object), ...fields },
    tensors: tensors.flatMap((each) => {
      if (each.component !== 'weights') return [each]
      const formed = form(each)
      return formed ? [{ ...each, ...formed }] : []
    }),
    state: { ...state, optimizers: bare ? [] : state.optimizers },
  }
  const { findings, verdict, resume } = await verify(changed, { kernel: referenceKernel })
  const errors = findings.filter(({ severity }) => severity === 'error')
  return { rules: errors.map(({ rule }) => rule), message: errors[0]?.message, verdict, why: resume.why }
}

describe('a config of another kind of model', () => {
  test('is one error that names both kinds', async () => {
    const { rules, message, verdict, why } = await verified({
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
    })
    expect(rules).toEqual(['config/mismatch'])
    expect(message).toContain('it is of a llama model, and none of the 28 tensors are called as in one')
    expect(message).toContain('those of a gpt2 model, such as transformer.')
    expect(verdict).toBe('broken')
    expect(why).toEqual([`${message}.`])
  })

  test('is not told of weights that some wrapper names, nor where code comes with the model', async () => {
    const wrapped = ({ name }: Tensor) => ({ name: `policy.${name}` })
    expect((await verified({}, wrapped)).rules).toEqual(['weights/wrapper-prefix'])
    expect((await verified({ model_type: 'llama' }, wrapped)).rules).toEqual([])
    expect((await verified({ model_type: 'llama', auto_map: { AutoModel: 'mine.Model' } })).rules).toEqual([])
    expect((await verified({ model_type: 'mine', architectures: ['Mine'] })).rules).toEqual([])
  })
})

test('a class of another kind of model is told where the weights side with model_type', async () => {
  const warnings = async (fields: object, form?: (tensor: Tensor) => Partial<Tensor>) => {
    const checkpoint = await openCheckpoint(goldenPath('trainer-gpt2'))
    checkpoint.close()
    const tensors = form ? checkpoint.tensors.map((each) => ({ ...each, ...form(each) })) : checkpoint.tensors
    const config = { ...(checkpoint.config as object), ...fields }
    return (await findingsOf(configMismatch, { ...checkpoint, tensors, config })).map(({ severity }) => severity)
  }
  expect(await warnings({ architectures: ['LlamaForCausalLM'] })).toEqual(['warning'])
  for (const name of ['GPT2Model', 'GPT2DoubleHeadsModel', 'MineForCausalLM', '']) {
    expect(await warnings({ architectures: [name] })).toEqual([])
  }
  const renamed = ({ name }: Tensor) => ({ name: `policy.${name}` })
  expect(await warnings({ architectures: ['LlamaForCausalLM'] }, renamed)).toEqual([])
})

describe('a config of another size', () => {
  test('is one error that names the number which is amiss', async () => {
    const { rules, message } = await verified({ n_embd: 64 })
    expect(rules).toEqual(['config/mismatch'])
    expect(message).toContain('n_embd is 64 there, and with 32 every tensor fits')
    expect(message).toContain('10 of 10 matrices have other shapes')
  })

  test('is one error where several numbers are amiss', async () => {
    const { rules, message } = await verified({ n_embd: 64, n_positions: 48 })
    expect(rules).toEqual(['config/mismatch'])
    expect(message).not.toContain('every tensor fits')
  })

  test('is told of a single tensor, or of layers too many, only where the optimizer sides with the weights', async () => {
    const rows = await verified({ vocab_size: 65 })
    expect(rows.message).toContain('vocab_size is 65 there, and with 64 every tensor fits')
    expect(rows.message).toContain('the optimizer has moments of just these tensors')
    expect((await verified({ n_layer: 3 })).message).toContain('n_layer is 3 there, and with 2')
    expect((await verified({ vocab_size: 65 }, undefined, true)).rules).toEqual(['weights/shape-mismatch'])
    expect((await verified({ n_layer: 3 }, undefined, true)).rules).toEqual(['weights/layer-gap'])
  })

  test('is told of a model with more layers than it has, as loading would drop them', async () => {
    expect((await verified({ n_layer: 1 }, undefined, true)).message).toContain('n_layer is 1 there, and with 2')
  })
})

test('weights that were lost or flattened are not laid to the config', async () => {
  expect((await verified({}, (each) => (each.name.includes('.h.1.') ? undefined : each))).rules).toEqual([
    'weights/layer-gap',
  ])
  const flat = ({ shape }: Tensor) => ({ shape: [shape.reduce((a, b) => a * b, 1)] })
  expect(new Set((await verified({}, flat)).rules)).toEqual(new Set(['weights/flattened']))
  const transposed = (each: Tensor) => (each.name.endsWith('h.1.mlp.c_fc.weight') ? { shape: [128, 32] } : each)
  expect((await verified({}, transposed)).rules).toEqual(['weights/shape-mismatch'])
})
