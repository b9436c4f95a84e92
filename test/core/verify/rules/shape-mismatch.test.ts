import { expect, test } from 'vitest'
import { shapeMismatch } from '../../../../src/core/verify/rules/shape-mismatch'
import { checkpointOf, findingsOf } from '../handmade'

const whisper = { model_type: 'whisper', d_model: 64, num_mel_bins: 16, encoder_ffn_dim: 128 }

test('a matrix of the right number of values has another shape than its family gives', async () => {
  const tensors = [
    { name: 'model.encoder.conv1.weight', shape: [64, 3, 16] },
    { name: 'model.encoder.conv2.weight', shape: [64, 64, 3] },
    { name: 'model.encoder.layers.0.fc1.weight', shape: [64, 128] },
    { name: 'model.encoder.layers.0.fc2.weight', shape: [64, 128] },
    { name: 'model.encoder.layers.0.adapter.weight', shape: [3, 5] },
  ]
  const found = await findingsOf(shapeMismatch, checkpointOf({ config: whisper, tensors }))
  expect(found.map(({ subject, evidence }) => [subject, evidence?.expected])).toEqual([
    ['model.encoder.conv1.weight', [64, 16, 3]],
    ['model.encoder.layers.0.fc1.weight', [128, 64]],
  ])
})

test('nothing is doubted where the config names no family, or the weights are quantized', async () => {
  const tensors = [{ name: 'model.encoder.conv1.weight', shape: [64, 3, 16] }]
  for (const config of [
    { ...whisper, model_type: 'a_model_of_my_own' },
    { ...whisper, quantization_config: { bits: 8 } },
  ])
    expect(await findingsOf(shapeMismatch, checkpointOf({ config, tensors }))).toEqual([])
})
