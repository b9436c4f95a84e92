import { natural } from '../../bytes/natural'
import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import { matchOf } from '../architectures/match'
import { weightsOf } from '../shapes/evidence'
import { MOMENT_SLOTS } from '../shapes/moments'
import { isDecayed, unwrapped } from '../shapes/names'

type Key = number | string

/** What the numbers of an optimizer's parameters are called in the model. */
export interface Naming {
  readonly names: ReadonlyMap<Key, string>
  /**
   * `stored`: the optimizer says so itself. `order`: the model's parameters in their order, which the shapes of all moments
   * confirm. `shapes`: only those parameters are named whose shape no other has. `unknown`: none.
   */
  readonly how: 'stored' | 'order' | 'shapes' | 'unknown'
  /** False where it is a guess: the order is likely and contradicted by no shape, but not known. */
  readonly sure: boolean
}

const known = new WeakMap<OptimizerState, Naming>()

/**
 * An optimizer numbers its parameters group by group in the order it was given them (torch/optim/optimizer.py, 2.13). That
 * is the order of registration, save that the HF Trainer and most scripts put decayed weights first and biases and norms
 * second (transformers trainer.py `get_decay_parameter_names`, nanoGPT `configure_optimizers`).
 */
export function parameterNames(checkpoint: Checkpoint, optimizer: OptimizerState): Naming {
  const naming = known.get(optimizer) ?? name(checkpoint, optimizer)
  known.set(optimizer, naming)
  return naming
}

const UNKNOWN: Naming = { names: new Map(), how: 'unknown', sure: false }

function name(checkpoint: Checkpoint, optimizer: OptimizerState): Naming {
  const { groups } = optimizer
  const stored = new Map<Key, string>()
  for (const { params, names } of groups) {
    params.forEach((key, i) => {
      const told = names?.[i] ?? (typeof key === 'string' ? key : undefined)
      if (told !== undefined) stored.set(key, told)
    })
  }
  if (stored.size > 0) return { names: stored, how: 'stored', sure: true }

  const shapes = momentShapes(optimizer)
  const fits: { readonly names: Map<Key, string>; readonly sure: boolean }[] = []
  for (const { tensors, sure } of ordersOf(checkpoint)) {
    for (const parts of partitions(tensors, groups.length)) {
      const names = assign(parts, optimizer, shapes)
      if (names) fits.push({ names, sure })
    }
  }
  const [first, ...others] = fits
  if (first && shapes.size > 0) {
    // An order that is known settles it; of several likely ones that all fit, none is more than a guess.
    const best = fits.find(({ sure }) => sure) ?? first
    const agreed = others.every(({ names }) => [...names].every(([key, each]) => best.names.get(key) === each))
    return { names: best.names, how: 'order', sure: best.sure || (agreed && isUnambiguous(shapes)) }
  }
  const unique = byUniqueShape(checkpoint, shapes)
  return unique.size > 0 ? { names: unique, how: 'shapes', sure: true } : UNKNOWN
}

/** A parameter whose moments have its values in one dimension. */
export interface FlatMoments {
  readonly name: string
  readonly shape: readonly number[]
  readonly moments: readonly Tensor[]
  /** Whether it is known, and not only likely, that it is this parameter. */
  readonly sure: boolean
}

/**
 * The parameters whose moments were flattened. Undefined where no order of the weights fits all moments as they are or in one dimension,
 * and where several do that give one of them different shapes.
 */
export function momentsInOneDimension(checkpoint: Checkpoint, optimizer: OptimizerState): FlatMoments[] | undefined {
  const shapes = momentShapes(optimizer)
  const keys = optimizer.groups.flatMap(({ params }) => params)
  let best: { readonly order: readonly Tensor[]; readonly sure: boolean } | undefined
  for (const { tensors, sure } of ordersOf(checkpoint)) {
    for (const parts of partitions(tensors, optimizer.groups.length)) {
      if (!assign(parts, optimizer, shapes, isSameOrFlat)) continue
      const differs = (tensor: Tensor, i: number) => !sameShape(tensor.shape, best?.order[i]?.shape ?? [])
      if (best && !best.sure && !sure && parts.some(differs)) return undefined
      if (!best || (sure && !best.sure)) best = { order: parts, sure }
    }
  }
  if (!best) return undefined
  const { order, sure } = best
  const states = new Map(optimizer.parameters.map(({ key, tensors }) => [key, Object.values(tensors)]))
  return keys.flatMap((key, i): FlatMoments[] => {
    const { name: own, shape } = order[i] as Tensor
    const flat = (states.get(key) ?? []).filter((moment) => isFlat(moment.shape, shape))
    return flat.length === 0 ? [] : [{ name: own, shape, moments: flat, sure }]
  })
}

function isFlat(moment: readonly number[], shape: readonly number[]): boolean {
  return moment.length === 1 && shape.length > 1 && numel(moment) === numel(shape)
}

function isSameOrFlat(moment: readonly number[], shape: readonly number[]): boolean {
  return sameShape(moment, shape) || isFlat(moment, shape)
}

/** The tensors that an optimizer trains in the order in which the model registers them; undefined where that is not known. */
export function trainedTensors(checkpoint: Checkpoint): readonly Tensor[] | undefined {
  const [first] = ordersOf(checkpoint)
  return first?.sure ? first.tensors : undefined
}

/** A parameter whose moments are not those of the tensor that stands at its place. */
export interface Misplaced {
  readonly name: string
  readonly shape: readonly number[]
  readonly moment: readonly number[]
}

/** At least this part of the moments fits: then the order is beyond doubt, and what does not fit is out of its place. */
const MOST_FIT = 0.8

/**
 * Parameters at whose place in a known order other moments stand. None where some order fits them all, and none where too few
 * fit to know the order: a script may hand over its parameters in any.
 */
export function misplacedMoments(checkpoint: Checkpoint, optimizer: OptimizerState): readonly Misplaced[] {
  const keys = optimizer.groups.flatMap(({ params }) => params)
  const shapes = momentShapes(optimizer)
  let best: readonly Misplaced[] | undefined
  for (const { tensors, sure } of ordersOf(checkpoint)) {
    if (tensors.length !== keys.length) continue
    for (const parts of partitions(tensors, optimizer.groups.length)) {
      const wrong = parts.flatMap(({ name: own, shape }, i) => {
        const moment = shapes.get(keys[i] as Key)
        return moment && !sameShape(moment, shape) ? [{ name: own, shape, moment }] : []
      })
      if (wrong.length === 0) return []
      if (sure && (!best || wrong.length < best.length)) best = wrong
    }
  }
  return best && best.length <= shapes.size * (1 - MOST_FIT) ? best : []
}

/** Shape of each parameter that keeps something of its own shape. Slots of 8-bit optimizers are called state1 and state2. */
function momentShapes({ parameters }: OptimizerState): Map<Key, readonly number[]> {
  const shapes = new Map<Key, readonly number[]>()
  for (const { key, tensors } of parameters) {
    const moment = [...MOMENT_SLOTS, 'state1'].map((slot) => tensors[slot]).find((each) => each !== undefined)
    if (moment && moment.shape.length > 0) shapes.set(key, moment.shape)
  }
  return shapes
}

interface Order {
  readonly tensors: readonly Tensor[]
  /** Whether the model is known to register its parameters so. */
  readonly sure: boolean
}

const knownOrders = new WeakMap<Checkpoint, readonly Order[]>()

/** Orders in which the model may have handed its parameters to the optimizer, the surest first. */
function ordersOf(checkpoint: Checkpoint): readonly Order[] {
  const made = knownOrders.get(checkpoint) ?? ordersIn(checkpoint)
  knownOrders.set(checkpoint, made)
  return made
}

function ordersIn(checkpoint: Checkpoint): Order[] {
  const trained = distinct(weightsOf(checkpoint).filter(isTrained))
  const orders: Order[] = []
  const match = matchOf(checkpoint)
  if (match) {
    const places = new Map(match.order.map((each, i) => [each, i]))
    const place = (tensor: Tensor) => places.get(unwrapped(tensor.name)) ?? Number.MAX_SAFE_INTEGER
    const placed = trained.filter((tensor) => places.has(unwrapped(tensor.name)))
    orders.push({ tensors: [...placed].sort((a, b) => place(a) - place(b)), sure: placed.length === trained.length })
  }
  const files = new Set(trained.map(({ file }) => file))
  const one = [...files].length === 1
  for (const file of one ? files : [undefined, ...files]) {
    const own = file === undefined ? trained : trained.filter((tensor) => tensor.file === file)
    const kind = checkpoint.files.find(({ path }) => path === (file ?? own[0]?.file))?.kind
    // A state dict keeps the order of registration; safetensors sorts by dtype and name.
    const ordered = kind !== undefined && kind !== 'safetensors'
    if (ordered) orders.push({ tensors: own, sure: one })
    else orders.push({ tensors: asRegistered(own), sure: false })
  }
  return orders
}

/** By name, weight before bias: what most modules come to when nothing tells their order. */
function asRegistered(tensors: readonly Tensor[]): Tensor[] {
  const key = ({ name }: Tensor) => name.replace(/(^|\.)weight$/, '$10').replace(/(^|\.)bias$/, '$11')
  const keyed = tensors.map((tensor) => ({ tensor, key: key(tensor) }))
  return keyed.sort((a, b) => natural(a.key, b.key)).map(({ tensor }) => tensor)
}

/** Whether a tensor is a parameter: buffers are in the file and not in the optimizer. */
export function isTrained({ name, dtype, shape, requiresGrad }: Tensor): boolean {
  if (!isFloating(dtype) || numel(shape) === 0) return false
  if (requiresGrad === false && !/(weight|bias)$/.test(name)) return false
  return !/(running_(mean|var)|inv_freq|masked_bias|(^|\.)attn\.bias|position_ids|n_averaged)$/.test(name)
}

/** Without the second name of tied weights. */
export function distinct(tensors: readonly Tensor[]): Tensor[] {
  const seen = new Set<string>()
  return tensors.filter(({ file, name: own, storage, blocks, shape }) => {
    const key = storage ? `${file}\0${storage.key}\0${blocks[0]?.offset}\0${shape}` : `${file}\0\0${own}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Ways to deal the parameters out to the groups. */
function* partitions(tensors: readonly Tensor[], groups: number): Generator<readonly Tensor[]> {
  if (groups === 2) {
    const split = (decays: (tensor: Tensor) => boolean) => [
      ...tensors.filter(decays),
      ...tensors.filter((each) => !decays(each)),
    ]
    yield split(({ name: own }) => isDecayed(own))
    yield split(({ shape }) => shape.length > 1)
  }
  yield tensors
}

/** Names in order for the keys of all groups, if there are as many of both and no moment has another shape. */
function assign(
  tensors: readonly Tensor[],
  { groups }: OptimizerState,
  shapes: ReadonlyMap<Key, readonly number[]>,
  fits = sameShape,
): Map<Key, string> | undefined {
  const keys = groups.flatMap(({ params }) => params)
  if (keys.length !== tensors.length || keys.length === 0) return undefined
  const names = new Map<Key, string>()
  for (const [i, key] of keys.entries()) {
    const tensor = tensors[i] as Tensor
    const shape = shapes.get(key)
    if (shape && !fits(shape, tensor.shape)) return undefined
    names.set(key, tensor.name)
  }
  return names
}

function isUnambiguous(shapes: ReadonlyMap<Key, readonly number[]>): boolean {
  return new Set([...shapes.values()].map(String)).size === shapes.size
}

function byUniqueShape(checkpoint: Checkpoint, shapes: ReadonlyMap<Key, readonly number[]>): Map<Key, string> {
  const keys = once([...shapes].map(([key, shape]) => [String(shape), key] as const))
  const weights = once(
    distinct(weightsOf(checkpoint).filter(isTrained)).map((each) => [String(each.shape), each.name] as const),
  )
  const names = new Map<Key, string>()
  for (const [shape, key] of keys) {
    const own = weights.get(shape)
    if (own !== undefined) names.set(key, own)
  }
  return names
}

/** Entries whose key comes but once. */
function once<Value>(entries: readonly (readonly [string, Value])[]): Map<string, Value> {
  const seen = new Map<string, Value>()
  const twice = new Set<string>()
  for (const [key, value] of entries) {
    if (seen.has(key)) twice.add(key)
    seen.set(key, value)
  }
  for (const key of twice) seen.delete(key)
  return seen
}
