import { expect, test } from 'vitest'
import { finding } from '../../../../src/core/finding'
import { layerGap } from '../../../../src/core/verify/rules/layer-gap'
import { checkpointOf, findingsOf } from '../handmade'

const PARTS = ['attn.q.weight', 'attn.k.weight', 'mlp.up.weight', 'mlp.down.weight']
const layers = (container: string, indices: number[], parts = PARTS) =>
  indices.flatMap((i) => parts.map((part) => ({ name: `${container}.${i}.${part}`, shape: [2, 2] })))

test('layers missing inside a row of equal ones are named', async () => {
  const [found, ...rest] = await findingsOf(layerGap, checkpointOf({ tensors: layers('model.layers', [0, 1, 4, 5]) }))
  expect(found).toMatchObject({ subject: 'model.layers', evidence: { missing: [2, 3] } })
  expect(rest).toEqual([])
})

test('layers missing at the end are told by the config', async () => {
  const checkpoint = checkpointOf({ config: { num_hidden_layers: 4 }, tensors: layers('model.layers', [0, 1]) })
  expect((await findingsOf(layerGap, checkpoint))[0]?.evidence).toMatchObject({ missing: [2, 3] })
})

test('a Sequential with modules without parameters has no gap', async () => {
  expect(await findingsOf(layerGap, checkpointOf({ tensors: layers('features', [0, 3, 6, 8]) }))).toEqual([])
  expect(await findingsOf(layerGap, checkpointOf({ tensors: layers('blocks', [0, 2, 4]) }))).toEqual([])
  expect(
    await findingsOf(layerGap, checkpointOf({ tensors: layers('layers', [0, 1, 5], ['weight', 'bias']) })),
  ).toEqual([])
})

test('layers of several kinds are not counted as one row', async () => {
  const tensors = [...layers('layers', [0, 3]), ...layers('layers', [1], ['ssm.a.weight'])]
  expect(await findingsOf(layerGap, checkpointOf({ tensors }))).toEqual([])
})

test('a missing shard is not told again layer by layer', async () => {
  const findings = [finding('weights/missing-shard', 'model-00002-of-00002.safetensors', 'gone')]
  expect(await findingsOf(layerGap, checkpointOf({ findings, tensors: layers('model.layers', [0, 1, 5]) }))).toEqual([])
})
