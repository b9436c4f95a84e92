import type { Checkpoint, OptimizerState } from '../checkpoint/checkpoint'
import { byteLength, sameShape, type Tensor } from '../checkpoint/tensor'
import { isLocal } from '../errors'
import { type Pair, pairByName } from './align'
import { type CompareOptions, compareTensors } from './compare'
import { meetingKeys } from './parameters'
import type { StateDifference } from './state'

/** Tensors of the training state that are told together: all `exp_avg` of an optimizer. */
export interface Slot {
  /** `optimizer.exp_avg`. */
  readonly what: string
  readonly pairs: readonly Pair[]
}

/**
 * The tensors that training goes on from, by optimizer and slot, paired by the parameter they are kept for; then those of no
 * optimizer (a custom object's, a sampler's), paired by name. A whole optimizer that only one side has is not among them.
 */
export function slotsOf(a: Checkpoint, b: Checkpoint): Slot[] {
  const { optimizers } = a.state
  const count = Math.min(optimizers.length, b.state.optimizers.length)
  const kept = Array.from({ length: count }, (_, i) =>
    slotsOfOptimizer(
      optimizers.length > 1 || b.state.optimizers.length > 1 ? `optimizer[${i}]` : 'optimizer',
      optimizers[i] as OptimizerState,
      b.state.optimizers[i] as OptimizerState,
    ),
  ).flat()
  return [...kept, ...otherSlots(a, b)]
}

function slotsOfOptimizer(path: string, a: OptimizerState, b: OptimizerState): Slot[] {
  const slots = new Map<string, Map<string, { a?: Tensor; b?: Tensor }>>()
  const keys = meetingKeys(a, b)
  for (const [side, { parameters }] of [['a', a] as const, ['b', b] as const]) {
    for (const parameter of parameters) {
      const key = keys[side](parameter)
      for (const [slot, tensor] of Object.entries(parameter.tensors)) {
        const pairs = slots.get(slot) ?? new Map<string, { a?: Tensor; b?: Tensor }>()
        slots.set(slot, pairs)
        pairs.set(key, { ...pairs.get(key), [side]: tensor })
      }
    }
  }
  return [...slots].map(([slot, pairs]) => ({
    what: `${path}.${slot}`,
    pairs: [...pairs].map(([key, pair]) => ({ name: `${path}.${slot} of ${key}`, ...pair })),
  }))
}

function otherSlots(a: Checkpoint, b: Checkpoint): Slot[] {
  const [inA, inB] = [othersOf(a), othersOf(b)]
  return [...new Set([...inA, ...inB].map(({ component }) => component))].map((component) => ({
    what: `${component}.tensors`,
    pairs: pairByName(
      inA.filter((tensor) => tensor.component === component),
      inB.filter((tensor) => tensor.component === component),
    ),
  }))
}

/** Weights and adapters have rows of their own; random states are compared generator by generator. */
function othersOf({ tensors, state }: Checkpoint): Tensor[] {
  const held = new Set(state.optimizers.flatMap((one) => one.parameters.flatMap((each) => Object.values(each.tensors))))
  return tensors.filter(
    (tensor) =>
      tensor.component !== 'weights' &&
      tensor.component !== 'adapter' &&
      tensor.component !== 'rng' &&
      !held.has(tensor),
  )
}

/** Bytes that comparing the slots reads. */
export function slotBytes(slots: readonly Slot[]): number {
  return slots.reduce((sum, { pairs }) => sum + pairs.reduce((bytes, pair) => bytes + bytesOf(pair), 0), 0)
}

/** Compares one slot, a block at a time. Undefined when nothing differs; of errors only `cancelled` is thrown. */
export async function compareSlot(
  { what, pairs }: Slot,
  options: CompareOptions,
  onBytes: (bytes: number) => void,
): Promise<StateDifference | undefined> {
  let differ = 0
  for (const pair of pairs) {
    let heard = 0
    const same = await isSame(pair, options, (bytes) => {
      heard += bytes
      onBytes(bytes)
    })
    if (!same) differ++
    if (heard < bytesOf(pair)) onBytes(bytesOf(pair) - heard)
  }
  if (differ === 0) return undefined
  const inA = pairs.filter(({ a }) => a).length
  const inB = pairs.filter(({ b }) => b).length
  const there = inB === pairs.length ? '' : `${inB} tensors, `
  return { what, a: `${inA} tensors`, b: `${there}${differ} of ${pairs.length} differ`, same: false }
}

async function isSame({ a, b }: Pair, options: CompareOptions, onBytes: (bytes: number) => void): Promise<boolean> {
  if (!a || !b || !comparable(a, b)) return false
  try {
    const { beyond, changed } = await compareTensors(a, b, options, onBytes)
    return (beyond ?? changed) === 0
  } catch (error) {
    if (!isLocal(error)) throw error
    return false
  }
}

function comparable(a: Tensor, b: Tensor): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape)
}

function bytesOf({ a, b }: Pair): number {
  return a && b && comparable(a, b) ? byteLength(a) + byteLength(b) : 0
}
