import { expect, test } from 'vitest'
import type { OptimizerState } from '../../../../src/core/checkpoint/checkpoint'
import type { Plain } from '../../../../src/core/decode/plain'
import { adapterUntrained } from '../../../../src/core/verify/rules/adapter-untrained'
import { missingTensor } from '../../../../src/core/verify/rules/missing-tensor'
import { rankMismatch } from '../../../../src/core/verify/rules/rank-mismatch'
import { targetMismatch } from '../../../../src/core/verify/rules/target-mismatch'
import { checkpointOf, findingsOf, type TensorSpec, tensorOf } from '../handmade'

const pair = (module: string, rank: number, second = 1): TensorSpec[] => [
  { name: `base_model.model.${module}.lora_A.weight`, shape: [rank, 8], component: 'adapter', values: ramp(rank * 8) },
  {
    name: `base_model.model.${module}.lora_B.weight`,
    shape: [8, rank],
    component: 'adapter',
    values: ramp(rank * 8).map((value) => value * second),
  },
]
const ramp = (size: number) => Array.from({ length: size }, (_, i) => Math.sin(i + 1))
const QUERY = 'model.layers.0.attn.q_proj'
const VALUE = 'model.layers.0.attn.v_proj'

/** An optimizer of so many parameters. */
const training = (count: number): OptimizerState => ({
  file: 'optimizer.pt',
  groups: [{ params: Array.from({ length: count }, (_, i) => i), hyper: {} }],
  parameters: [],
})

function lora(config: { [key: string]: Plain }, tensors: readonly TensorSpec[], trained = 0, step = 8) {
  return checkpointOf({
    tensors,
    config: { peft_type: 'LORA', r: 2, ...config },
    components: { weights: 'not-applicable', adapter: 'present' },
    state: { step, optimizers: trained > 0 ? [training(trained)] : [] },
  })
}

const told = async (rule: Parameters<typeof findingsOf>[0], checkpoint: ReturnType<typeof lora>) =>
  (await findingsOf(rule, checkpoint)).map(({ severity, subject }) => `${severity} ${subject}`)

test('factors have the rank that the config gives their module', async () => {
  const both = [...pair(QUERY, 2), ...pair(VALUE, 4)]
  const [found] = await findingsOf(rankMismatch, lora({}, both))
  expect(found?.message).toContain('2 of 4 LoRA factors')
  expect(found?.message).toContain('v_proj.lora_A.weight is [4, 8], a rank of 4; r is 2')
  for (const pattern of ['v_proj', `^${VALUE}`, '.*attn.(v|o)_proj']) {
    expect(await told(rankMismatch, lora({ rank_pattern: { [pattern]: 4 } }, both))).toEqual([])
  }
  expect(await told(rankMismatch, lora({ rank_pattern: { proj: 4 } }, both))).not.toEqual([])
})

test('whole modules that the optimizer trains are named by modules_to_save', async () => {
  const whole = ['lm_head', 'model.layers.0.input_layernorm'].map((module) => ({
    ...{ name: `base_model.model.${module}.weight`, shape: [8], component: 'adapter' as const },
  }))
  const all = [...pair(QUERY, 2), ...whole]
  const targets = { target_modules: ['q_proj'] }
  expect(await told(targetMismatch, lora({ ...targets, modules_to_save: ['lm_head', 'norm'] }, all, 4))).toEqual([])
  expect(await told(targetMismatch, lora({ ...targets, modules_to_save: ['norm'] }, all, 4))).toEqual([
    'warning adapter_config.json',
  ])
  // Embeddings that were resized are saved, and not trained; without an optimizer nobody tells.
  expect(await told(targetMismatch, lora(targets, all, 2))).toEqual([])
  expect(await told(targetMismatch, lora(targets, all))).toEqual([])
  const biases = [
    ...pair(QUERY, 2),
    { name: `base_model.model.${VALUE}.bias`, shape: [8], component: 'adapter' as const },
  ]
  expect(await told(targetMismatch, lora({ ...targets, bias: 'all' }, biases, 3))).toEqual([])
  expect(await told(targetMismatch, lora({ ...targets, bias: 'none' }, biases, 3))).toHaveLength(1)
})

test('factors laid out otherwise than r tells are not held against it', async () => {
  const odd = pair(QUERY, 6)
  expect(await told(rankMismatch, lora({ target_parameters: ['experts.gate'] }, odd))).toEqual([])
  expect(await told(rankMismatch, lora({ peft_type: 'ADALORA' }, odd))).toEqual([])
})

test('modules with factors are among the targets', async () => {
  const both = [...pair(QUERY, 2), ...pair(VALUE, 2)]
  const [found] = await findingsOf(targetMismatch, lora({ target_modules: ['q_proj', 'gate'] }, both))
  expect(found?.message).toContain(`1 of 2 modules`)
  expect(found?.message).toContain(VALUE)
  const reaching = [['q_proj', 'v_proj'], ['attn.q_proj', VALUE], 'all-linear', '.*q_proj', null]
  for (const targets of reaching) {
    expect(await told(targetMismatch, lora({ target_modules: targets }, both))).toEqual([])
  }
  const narrowed = { target_modules: ['q_proj'], layers_to_transform: [0] }
  expect(await told(targetMismatch, lora(narrowed, both))).toEqual([])
  const attention = pair('attn.base_layer.out_proj', 2)
  expect(await told(targetMismatch, lora({ target_modules: ['attn'] }, attention))).toEqual([])
})

test('a module to save that the optimizer trains is missed by name', async () => {
  const config = { modules_to_save: ['lm_head'], target_modules: ['q_proj'] }
  const head: TensorSpec = { name: 'base_model.model.lm_head.weight', shape: [4, 8], component: 'adapter' }
  expect(await told(missingTensor, lora(config, pair(QUERY, 2), 3))).toEqual(['error lm_head'])
  expect(await told(missingTensor, lora(config, [...pair(QUERY, 2), head], 3))).toEqual([])
  // The end of a name is enough for PEFT, which saves all that is in the module; a factor is none of it.
  const norm: TensorSpec = { ...head, name: 'base_model.model.layers.0.input_layernorm.weight' }
  const parts: TensorSpec = { ...head, name: 'base_model.model.classifier.dense.weight' }
  for (const [entry, kept] of [['norm', norm] as const, ['classifier', parts] as const]) {
    const saving = { ...config, modules_to_save: [entry] }
    expect(await told(missingTensor, lora(saving, [...pair(QUERY, 2), kept]))).toEqual([])
    expect(await told(targetMismatch, lora(saving, [...pair(QUERY, 2), kept], 3))).toEqual([])
    expect(await told(missingTensor, lora(saving, [...pair(QUERY, 2), head]))).toEqual([`warning ${entry}`])
  }
  expect(await told(missingTensor, lora({ ...config, modules_to_save: ['proj'] }, pair(QUERY, 2)))).toEqual([
    'warning proj',
  ])
  // The model has no such module, and nothing of it is trained.
  expect(await told(missingTensor, lora(config, pair(QUERY, 2), 2))).toEqual([])
  // Nothing tells.
  expect(await told(missingTensor, lora(config, pair(QUERY, 2)))).toEqual(['warning lm_head'])
})

test('a target of which the optimizer trains factors is missed, others may be in no model', async () => {
  const config = { target_modules: ['q_proj', 'v_proj'] }
  expect(await told(missingTensor, lora(config, pair(QUERY, 2), 4))).toEqual(['error v_proj'])
  expect(await told(missingTensor, lora(config, pair(QUERY, 2), 2))).toEqual([])
  expect(await told(missingTensor, lora(config, pair(QUERY, 2)))).toEqual([])
})

test('a pair that one layer lacks is missed where the optimizer trains it', async () => {
  const config = { target_modules: ['q_proj', 'v_proj'] }
  const three = [...pair(QUERY, 2), ...pair(VALUE, 2), ...pair(VALUE.replace('0', '1'), 2)]
  const lost = `base_model.model.${QUERY.replace('0', '1')}`
  expect(await told(missingTensor, lora(config, three, 8))).toEqual([
    `error ${lost}.lora_A.weight`,
    `error ${lost}.lora_B.weight`,
  ])
  expect(await told(missingTensor, lora(config, three, 6))).toEqual([])
  expect(await told(missingTensor, lora(config, three))).toEqual([])
  const half = lora(config, [...three, ...pair(QUERY.replace('0', '1'), 2).slice(0, 1)], 8)
  expect(await told(missingTensor, half)).toEqual([`error ${lost}.lora_B.weight`])
})

test('of the heads that PEFT lists for every classifier a model has one', async () => {
  const score: TensorSpec = { name: 'base_model.model.score.weight', shape: [2, 8], component: 'adapter' }
  const config = { modules_to_save: ['classifier', 'score'] }
  expect(await told(missingTensor, lora(config, [...pair(QUERY, 2), score]))).toEqual([])
})

test('an adapter whose second factors are all zero after steps was not trained', async () => {
  const zero = [...pair(QUERY, 2, 0), ...pair(VALUE, 2, 0)]
  expect(await told(adapterUntrained, lora({}, zero))).toEqual(['warning model.bin'])
  for (const step of [0, 1]) expect(await told(adapterUntrained, lora({}, zero, 0, step))).toEqual([])
  expect(await told(adapterUntrained, lora({}, [...pair(QUERY, 2, 0), ...pair(VALUE, 2)]))).toEqual([])
})

test('second factors that are zero although the optimizer has trained them were lost', async () => {
  const zero = [...pair(QUERY, 2, 0), ...pair(VALUE, 2, 0)]
  const checkpoint = lora({}, zero)
  const trained = (shape: number[], lr: number, moment: number[]) => {
    const exp_avg = tensorOf({ name: 'state.1.exp_avg', shape, component: 'optimizer', values: moment })
    const optimizer = {
      file: 'optimizer.pt',
      step: 8,
      groups: [{ params: [0], lr, hyper: {} }],
      parameters: [{ key: 0, tensors: { exp_avg }, scalars: {} }],
    }
    return told(adapterUntrained, { ...checkpoint, state: { ...checkpoint.state, optimizers: [optimizer] } })
  }
  expect(await trained([8, 2], 0.1, ramp(16))).toEqual(['error model.bin'])
  expect(await trained([2, 8], 0.1, ramp(16))).toEqual(['warning model.bin'])
  expect(await trained([8, 2], 0, ramp(16))).toEqual(['warning model.bin'])
  expect(await trained([8, 2], 0.1, Array(16).fill(0))).toEqual(['warning model.bin'])
})

// PEFT 0.21 loads LoRA factors as IA3, LoHa or LoKr without a word, and uses none; AdaLoRA keeps factors of the same names.
test('factors in an adapter of another method are told', async () => {
  const tensors = pair(QUERY, 2)
  for (const method of ['IA3', 'LOHA', 'LOKR', 'PROMPT_TUNING'])
    expect(await told(targetMismatch, lora({ peft_type: method }, tensors))).toEqual(['error adapter_config.json'])
  for (const method of ['LORA', 'ADALORA', 'SOMETHING_NEW'])
    expect(await told(targetMismatch, lora({ peft_type: method }, tensors))).toEqual([])
  const mixed = [...tensors, { name: 'base_model.model.x.ia3_l', shape: [8, 1], component: 'adapter' as const }]
  expect(await told(targetMismatch, lora({ peft_type: 'IA3' }, mixed))).toEqual([])
})
