import { expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { placeholder } from '../../../../src/core/verify/rules/placeholder'
import { verify } from '../../../../src/core/verify/verify'
import { checkpointOf, findingsOf, type TensorSpec } from '../handmade'

const subjects = async (tensors: TensorSpec[], config?: Record<string, number | string>) => {
  const found = await findingsOf(placeholder, checkpointOf({ tensors, ...(config && { config }) }))
  return found.map(({ subject }) => subject)
}

test('a parameter of size 0 is a placeholder', async () => {
  expect(
    await subjects([
      { name: 'audio.fc1.weight', shape: [64, 32] },
      { name: 'language_model.norm.weight', shape: [0] },
      { name: 'language_model.lm_head.weight', shape: [0] },
    ]),
  ).toEqual(['language_model.norm.weight', 'language_model.lm_head.weight'])
})

test('so is a matrix or a bias of a recurrent layer', async () => {
  const names = ['rnn.weight_ih_l0', 'rnn.bias_hh_l1_reverse', 'cell.weight_hh']
  const filled = { name: 'fc.weight', shape: [4, 4] }
  expect(await subjects([filled, ...names.map((name) => ({ name, shape: [0] }))])).toEqual(names)
})

test('a reference shows what else has lost its values, and what never had more', async () => {
  const checkpoint = checkpointOf({
    tensors: [
      { name: 'fc.bias', shape: [1] },
      { name: 'temperature', shape: [0] },
      { name: 'cache', shape: [0] },
      { name: 'gate', shape: [1] },
      { name: 'fc.weight', shape: [4, 4] },
    ],
  })
  const reference = checkpointOf({
    tensors: [
      { name: 'fc.bias', shape: [4] },
      { name: 'temperature', shape: [] },
      { name: 'cache', shape: [0] },
      { name: 'gate', shape: [1] },
      { name: 'fc.weight', shape: [8, 4] },
    ],
  })
  const { findings } = await verify(checkpoint, { kernel: referenceKernel, reference })
  const found = findings.filter(({ rule }) => rule === 'weights/placeholder')
  expect(found.map(({ subject, evidence }) => [subject, evidence?.expected])).toEqual([
    ['fc.bias', [4]],
    ['temperature', []],
  ])
})

test('buffers may be empty, and so may tables without rows', async () => {
  expect(
    await subjects([
      { name: 'fc.weight', shape: [4, 4] },
      { name: 'fc._extra_state', shape: [0], dtype: 'uint8' },
      { name: 'cache', shape: [0] },
      { name: 'extra_tokens.weight', shape: [0, 32] },
    ]),
  ).toEqual([])
})

test('[1] is a placeholder where no matrix is left', async () => {
  expect(
    await subjects([
      { name: 'model.layers.0.weight', shape: [1] },
      { name: 'model.layers.1.weight', shape: [1] },
      { name: 'model.norm.weight', shape: [64] },
    ]),
  ).toEqual(['model.layers.0.weight', 'model.layers.1.weight'])
})

test('[1] is a placeholder where config, bias or another layer expect more', async () => {
  expect(await subjects([{ name: 'wte.weight', shape: [1] }], { vocab_size: 100, hidden_size: 8 })).toEqual([
    'wte.weight',
  ])
  expect(
    await subjects([
      { name: 'fc.weight', shape: [1] },
      { name: 'fc.bias', shape: [8] },
      { name: 'other.weight', shape: [2, 2] },
    ]),
  ).toEqual(['fc.weight'])
  expect(
    await subjects([
      { name: 'h.0.mlp.weight', shape: [8, 8] },
      { name: 'h.1.mlp.weight', shape: [1] },
    ]),
  ).toEqual(['h.1.mlp.weight'])
})

test('a bias of one value is a placeholder beside the weight of a norm, and where another layer has it longer', async () => {
  expect(
    await subjects([
      { name: 'norm.weight', shape: [16] },
      { name: 'norm.bias', shape: [1] },
    ]),
  ).toEqual(['norm.bias'])
  expect(
    await subjects([
      { name: 'h.0.fc.weight', shape: [8, 4] },
      { name: 'h.0.fc.bias', shape: [8] },
      { name: 'h.1.fc.weight', shape: [8, 4] },
      { name: 'h.1.fc.bias', shape: [1] },
    ]),
  ).toEqual(['h.1.fc.bias'])
})

test('several biases of one value are placeholders where their weights have more outputs, also under weight norm', async () => {
  expect(
    await subjects([
      { name: 'conv.parametrizations.weight.original0', shape: [1, 1, 8] },
      { name: 'conv.parametrizations.weight.original1', shape: [16, 8, 8] },
      { name: 'conv.bias', shape: [1] },
      { name: 'head.weight', shape: [12, 16] },
      { name: 'head.bias', shape: [1] },
      { name: 'value.weight', shape: [1, 16] },
      { name: 'value.bias', shape: [1] },
      { name: 'up.weight', shape: [16, 1, 3, 3] },
      { name: 'up.bias', shape: [1] },
    ]),
  ).toEqual(['conv.bias', 'head.bias'])
})

test('a scalar that a script keeps beside a matrix is no placeholder', async () => {
  expect(
    await subjects([
      { name: 'factors.weight', shape: [100, 8] },
      { name: 'factors.bias', shape: [1] },
      { name: 'fc.weight', shape: [4, 8] },
      { name: 'fc.bias', shape: [4] },
    ]),
  ).toEqual([])
})

test('one output, one channel and one slope are not placeholders', async () => {
  expect(
    await subjects([
      { name: 'net.0.weight', shape: [1, 16] },
      { name: 'net.0.bias', shape: [1] },
      { name: 'net.1.weight', shape: [1] },
      { name: 'net.1.bias', shape: [1] },
      { name: 'prelu.weight', shape: [1] },
      { name: 'act.2.weight', shape: [1] },
      { name: 'logit_scale', shape: [1] },
    ]),
  ).toEqual([])
})

test('a file without any value is one finding', async () => {
  const tensors = Array.from({ length: 5000 }, (_, i) => ({ name: `t${i}`, shape: [0] }))
  const found = await findingsOf(placeholder, checkpointOf({ tensors }))
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({ subject: 'model.bin', evidence: { count: 5000 } })
})
