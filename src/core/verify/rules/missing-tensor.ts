import type { Checkpoint } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import { numel } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import { lackingOf } from '../adapter/lacking'
import { matchOf } from '../architectures/match'
import { headlessTable } from '../architectures/untied-head'
import { onlyPassedOver } from '../passed-over'
import type { Rule } from '../rule'
import { lackedOfAverages } from '../shapes/averages'
import { weightsOf } from '../shapes/evidence'
import { layerName, unwrapped } from '../shapes/names'
import { shapeText } from '../text'
import { gapsOf } from './layer-gap'

/** Held by a model without being trained, in one version of transformers and not in another. */
export const BUFFERS =
  /(inv_freq|masked_bias|attn\.bias|attention\.bias|position_ids|token_type_ids|num_batches_tracked)$/

/**
 * Parameters that the model has and the file has not. Who says so is the config, where it names an architecture that is known
 * to the last parameter; or files of the same weights that loaders pass over; or a running average of the weights, which has what they have; or all other layers, where just one in their midst lacks what every one of them has; or a reference.
 */
export const missingTensor: Rule = {
  ids: ['weights/missing-tensor'],
  needs: 'structure',
  *check({ checkpoint, reference }) {
    const told = new Set<string>()
    for (const each of missingFrom(checkpoint)) {
      if (told.has(unwrapped(each.subject))) continue
      told.add(unwrapped(each.subject))
      yield each
    }
    for (const { name, values } of reference?.lacking(checkpoint.config) ?? []) {
      const { shape, dtype, component } = values
      if (told.has(unwrapped(name)) || !isFloating(dtype) || numel(shape) === 0 || BUFFERS.test(name)) continue
      const why = `${reference?.name} has it with the shape ${shapeText(shape)}`
      yield missing(name, why, { shape: [...shape], source: reference?.name, component })
    }
  },
}

const known = new WeakMap<Checkpoint, readonly Finding[]>()

/** Looked for once: the rules about optimizers ask as well. */
function missingFrom(checkpoint: Checkpoint): readonly Finding[] {
  const made = known.get(checkpoint) ?? [...missingTensors(checkpoint)]
  known.set(checkpoint, made)
  return made
}

function* missingTensors(checkpoint: Checkpoint): Generator<Finding> {
  const { components } = checkpoint
  yield* lostTensors(checkpoint)
  for (const { name, why, evidence, sure } of lackingOf(checkpoint)) {
    const found = missing(name, why, { ...evidence, component: 'adapter' })
    yield sure ? found : { ...found, severity: 'warning' }
  }
  for (const { name, average } of lackedOfAverages(weightsOf(checkpoint))) {
    const { file, shape } = average
    const why = `${average.name}, its running average, has the shape ${shapeText(shape)}`
    yield missing(name, why, { file, shape: [...shape], source: average.name })
  }
  const match = matchOf(checkpoint)
  // A model that is known to be whole lacks nothing, whatever lies beside it.
  const whole = match?.whole === true && match.absent.length === 0
  for (const { name, file, shape, component } of whole ? [] : onlyPassedOver(checkpoint)) {
    if (BUFFERS.test(name)) continue
    const why = `${file} beside has it with the shape ${shapeText(shape)}, and loaders pass that file over`
    yield missing(name, why, { shape: [...shape], source: file, component })
  }
  if (components.find(({ id }) => id === 'weights')?.status !== 'present') return
  const table = headlessTable(checkpoint)
  if (table) {
    const why = `config.json says that it is not tied to ${table.name}, and no other matrix is as long as the vocabulary`
    yield missing('lm_head.weight', why, { shape: [...table.shape], source: 'config.json' })
  }
  if (!match) return yield* oddLayers(checkpoint)
  const others = match.strangers.filter(({ name, dtype }) => isFloating(dtype) && !BUFFERS.test(name))
  const occupied = new Set(others.flatMap(({ name }) => modulesAbove(unwrapped(name))))
  const gaps = gapsOf(checkpoint).flatMap(({ container, missing }) => missing.map((i) => `${container}.${i}.`))
  for (const { name, shape } of match.absent) {
    // Something else stands where it belongs: the module was built or named in another way.
    const [module, parent] = modulesAbove(name)
    if (occupied.has(module ?? '') || (parent !== undefined && occupied.has(parent))) continue
    if (gaps.some((layer) => name.startsWith(layer))) continue
    const why = `${match.architecture} has it with the shape ${shapeText(shape)}`
    yield missing(name, why, { shape: [...shape], source: 'config.json' })
  }
}

/** What a repair could not save of a damaged file, and says so in what it wrote. */
function* lostTensors({ files, tensors }: Checkpoint): Generator<Finding> {
  const names = new Set(tensors.map(({ name }) => name))
  for (const { path, lost = [], tensors: own } of files) {
    const component =
      own.length > 0 && own.every((each) => each.component === 'adapter') ? { component: 'adapter' } : {}
    for (const name of new Set(lost))
      if (!names.has(name)) yield missing(name, `${path} had it before it was damaged`, { file: path, ...component })
  }
}

/** Whether the weights hold every parameter, as far as anything tells: what is missing there is no fault of the optimizer. */
export function isWhole(checkpoint: Checkpoint): boolean {
  const { components } = checkpoint
  const readable = components.every(
    ({ id, status }) => (id !== 'weights' && id !== 'adapter') || status === 'present' || status === 'not-applicable',
  )
  return readable && gapsOf(checkpoint).length === 0 && missingFrom(checkpoint).length === 0
}

function missing(name: string, why: string, evidence: Record<string, unknown>): Finding {
  return finding('weights/missing-tensor', name, `${name} is not here, although ${why}`, {
    evidence,
    repair: 'Take the tensor from a reference checkpoint',
  })
}

/** The module a parameter is in, and the one that is in: `layers.0.attn.q` and `layers.0.attn` of `layers.0.attn.q.weight`. */
function modulesAbove(name: string): string[] {
  const parts = name.split('.')
  const above =
    parts.length > 2 ? [parts.slice(0, -1).join('.'), parts.slice(0, -2).join('.')] : [parts.slice(0, -1).join('.')]
  return above.filter((each) => each !== '' && !/(^|\.)\d+$/.test(each))
}

/** Layers that must agree before one is thought to lack something. */
const LEAST_LAYERS = 4

/** A layer between others that are all alike, which has only part of what they have. First and last ones may differ by design. */
function* oddLayers({ tensors }: Checkpoint): Generator<Finding> {
  const stacks = new Map<string, Map<number, Map<string, readonly number[]>>>()
  for (const { component, name, shape } of tensors) {
    const layer = component === 'weights' ? layerName(unwrapped(name)) : undefined
    if (!layer) continue
    const stack = stacks.get(layer.container) ?? new Map<number, Map<string, readonly number[]>>()
    const parts = stack.get(layer.index) ?? new Map<string, readonly number[]>()
    stacks.set(layer.container, stack.set(layer.index, parts.set(layer.rest, shape)))
  }
  for (const [container, layers] of stacks) {
    if (layers.size <= LEAST_LAYERS) continue
    const kinds = new Map<string, number[]>()
    for (const [index, parts] of layers) {
      const kind = [...parts]
        .map(([rest, shape]) => `${rest} ${shape}`)
        .sort()
        .join('\n')
      const alike = kinds.get(kind)
      if (alike) alike.push(index)
      else kinds.set(kind, [index])
    }
    const [usual, odd] = [...kinds.values()].sort((a, b) => b.length - a.length)
    const indices = [...layers.keys()]
    const at = odd?.[0]
    if (kinds.size !== 2 || odd?.length !== 1 || at === undefined) continue
    if (indices.every((index) => index >= at) || indices.every((index) => index <= at)) continue
    const own = layers.get(at) as Map<string, readonly number[]>
    const whole = layers.get(usual?.[0] as number) as Map<string, readonly number[]>
    const lacking = [...whole].filter(([rest]) => !own.has(rest))
    const alike = [...own].every(([rest, shape]) => String(whole.get(rest)) === String(shape))
    if (!alike || lacking.length * 2 > whole.size) continue
    for (const [rest, shape] of lacking) {
      const name = [container, at, rest].filter((part) => part !== '').join('.')
      const source = [container, usual?.[0], rest].filter((part) => part !== '').join('.')
      yield missing(name, `all ${layers.size - 1} other layers have it`, { shape: [...shape], source })
    }
  }
}
