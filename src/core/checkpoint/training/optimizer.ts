import { type ByteSource, readBytes } from '../../bytes/source'
import { plainOf } from '../../decode/pickle/plain-of'
import { findTensors, torchTensorOf } from '../../decode/pickle/torch'
import { asNumber, mappingOf, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import type { OptimizerParameter, OptimizerState, ParamGroup } from '../checkpoint'
import { itemSize } from '../dtype'
import { numel, type Tensor } from '../tensor'

/**
 * Reads an optimizer's state dict, `{'state': {index: {...}}, 'param_groups': [...]}` (torch/optim/optimizer.py), or
 * undefined when `value` is none. `tensors` are those of the file by name, `prefix` what comes before `state` in them
 * (`optimizer_state_dict.`). Reads the 4 bytes of one step, no other value.
 */
export async function optimizerOf(
  value: PyValue | undefined,
  file: string,
  tensors: ReadonlyMap<string, Tensor>,
  prefix = '',
): Promise<OptimizerState | undefined> {
  const entries = mappingOf(value)
  const state = mappingOf(entries?.get('state'))
  const groupList = sequenceOf(entries?.get('param_groups'))
  if (!state || !groupList) return undefined
  const left = { entries: MOST_ENTRIES }
  const groups = groupList.flatMap((group) => groupOf(group, left) ?? [])
  const parameters = [...state].flatMap(
    ([key, slots]) => parameterOf(key, slots, tensors, `${prefix}state`, left) ?? [],
  )
  const step = (await firstStep(parameters)) ?? groupStep(groups)
  return { file, groups, parameters, ...(step !== undefined && { step }) }
}

/** Entries of groups and parameters in one optimizer: pickles share what they hold, a few bytes can stand for billions. */
const MOST_ENTRIES = 5_000_000

interface Left {
  entries: number
}

function groupOf(value: PyValue, left: Left): ParamGroup | undefined {
  const entries = mappingOf(value)
  const params = sequenceOf(entries?.get('params')) ?? []
  left.entries -= params.length + (entries?.size ?? 0) + 1
  if (!entries || left.entries < 0) return undefined
  const names = sequenceOf(entries.get('param_names'))?.filter((name) => typeof name === 'string')
  const hyper: Record<string, Plain> = Object.create(null)
  for (const [key, setting] of entries) {
    if (typeof key === 'string' && !TAKEN.has(key)) hyper[key] = plainOf(setting, { values: 1000 })
  }
  return {
    params: params.filter((p) => typeof p === 'number' || typeof p === 'string'),
    ...(names && { names }),
    ...numberAt(entries, 'lr', 'lr'),
    ...numberAt(entries, 'initial_lr', 'initialLr'),
    ...numberAt(entries, 'weight_decay', 'weightDecay'),
    hyper,
  }
}

const TAKEN = new Set(['params', 'param_names', 'lr', 'initial_lr', 'weight_decay'])

function numberAt<K extends string>(entries: ReadonlyMap<PyValue, PyValue>, key: string, as: K): { [P in K]?: number } {
  const number = asNumber(entries.get(key))
  return (number === undefined ? {} : { [as]: number }) as { [P in K]?: number }
}

function parameterOf(
  key: PyValue,
  slots: PyValue,
  tensors: ReadonlyMap<string, Tensor>,
  path: string,
  left: Left,
): OptimizerParameter | undefined {
  const entries = mappingOf(slots)
  left.entries -= (entries?.size ?? 0) + 1
  if (!entries || left.entries < 0 || (typeof key !== 'number' && typeof key !== 'string')) return undefined
  const own: Record<string, Tensor> = Object.create(null)
  const scalars: Record<string, number> = Object.create(null)
  const take = (name: string) => {
    const tensor = tensors.get(`${path}.${key}.${name}`)
    if (tensor) own[name] = tensor
  }
  for (const [slot, value] of entries) {
    const number = asNumber(value)
    if (number !== undefined) scalars[String(slot)] = number
    else if (torchTensorOf(value)) take(String(slot))
    else if (mappingOf(value) || sequenceOf(value)) {
      const nested = findTensors(value)
      left.entries -= nested.length
      for (const inner of nested) take(`${String(slot)}.${inner.path}`)
    }
  }
  return { key, tensors: own, scalars }
}

/** The count of the first parameter that keeps one: a number before torch 1.12, a scalar tensor since. */
async function firstStep(parameters: readonly OptimizerParameter[]): Promise<number | undefined> {
  for (const { tensors, scalars } of parameters) {
    const tensor = tensors.step
    const step = scalars.step ?? (tensor && (await scalarOf(tensor)))
    if (step !== undefined) return step
  }
  return undefined
}

/** Some optimizers count in the group: apex FusedAdam `step`, Prodigy and D-Adaptation `k`. */
function groupStep(groups: readonly ParamGroup[]): number | undefined {
  for (const { hyper } of groups) {
    const step = hyper.step ?? hyper.k
    if (typeof step === 'number') return step
  }
  return undefined
}

async function readable(source: ByteSource, offset: number, length: number): Promise<Uint8Array | undefined> {
  try {
    return await readBytes(source, offset, length)
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

/** The value of a tensor of one element of a plain number type; undefined for any other, and where it cannot be read. */
async function scalarOf({ dtype, shape, blocks }: Tensor): Promise<number | undefined> {
  const block = blocks[0]
  if (!block || numel(shape) !== 1) return undefined
  const size = itemSize(dtype)
  if (block.offset + size > block.source.size) return undefined
  const bytes = await readable(block.source, block.offset, size)
  if (!bytes) return undefined
  const view = new DataView(bytes.buffer)
  const little = !block.bigEndian
  switch (dtype) {
    case 'float32':
      return view.getFloat32(0, little)
    case 'float64':
      return view.getFloat64(0, little)
    case 'int32':
      return view.getInt32(0, little)
    case 'int64':
      return Number(view.getBigInt64(0, little))
    default:
      return undefined
  }
}
