import type { ByteSource } from '../../bytes/source'
import type { TorchStorage, TorchTensor } from '../../decode/pickle/torch'
import { findTensors } from '../../decode/pickle/torch'
import { PyDict } from '../../decode/pickle/value'
import type { ComponentId } from '../checkpoint'
import { itemSize } from '../dtype'
import type { Section } from '../sections'
import { type Block, numel, originOf, type Tensor } from '../tensor'

/** Where a storage's bytes are. */
export interface Located {
  readonly source: ByteSource
  /** Byte offset of its first element in `source`. */
  readonly offset: number
  /** Bytes that are really there. */
  readonly byteLength: number
  readonly bigEndian?: boolean
}

/** A storage that is not there, or shorter than the pickle says. */
interface BadStorage {
  readonly key: string
  /** Bytes that the pickle, or a tensor over it, asks for. */
  readonly expected: number
  /** Bytes there are; undefined when there is no such storage. */
  readonly there?: number
  /** Tensors whose values are lost by it. */
  readonly lost: readonly string[]
}

export interface PickledTensors {
  readonly tensors: readonly Tensor[]
  readonly bad: readonly BadStorage[]
  /** Names of all tensors whose values are lost. */
  readonly lost: readonly string[]
}

type Locate = (storage: TorchStorage) => Located | undefined

/**
 * Every tensor in the parts of a pickled object, its values one strided block of the storage that `locate` finds. The weights of a
 * training dict are named as in their state dict, or by their whole path where there are several (model and EMA);
 * all others by their path.
 */
export function tensorsOf(sections: readonly Section[], file: string, locate: Locate): PickledTensors {
  const tensors: Tensor[] = []
  const bad = new Map<string, Bad>()
  const bare = sections.filter((section) => section.component === 'weights').length === 1
  // One search for all sections, each under its number, so that what they share is bounded once.
  const root = new PyDict()
  for (const [i, section] of sections.entries()) root.entries.set(i, section.value)
  for (const { path, tensor } of findTensors(root)) {
    const dot = path.indexOf('.')
    const section = sections[Number(dot < 0 ? path : path.slice(0, dot))]
    if (!section) continue
    const prefix = bare && section.component === 'weights' ? undefined : section.key
    const inner = dot < 0 ? undefined : path.slice(dot + 1)
    const name = prefix === undefined ? (inner ?? section.key ?? 'tensor') : inner ? `${prefix}.${inner}` : prefix
    const located = tensor.hasData ? locate(tensor.storage) : undefined
    noteBad(bad, name, tensor, located)
    tensors.push(tensorAt(name, tensor, located, file, section.component))
  }
  return { tensors, bad: [...bad.values()], lost: [...bad.values()].flatMap(({ lost }) => lost) }
}

function tensorAt(
  name: string,
  tensor: TorchTensor,
  located: Located | undefined,
  file: string,
  component: ComponentId,
): Tensor {
  const { dtype, shape, storage, requiresGrad } = tensor
  const blocks = located && bytesNeeded(tensor) <= located.byteLength ? [blockOf(tensor, located)] : []
  const own = tensor.hasData ? { key: storage.key, byteLength: located?.byteLength ?? storage.byteLength } : undefined
  return { name, dtype, shape, file, component, blocks, storage: own, requiresGrad }
}

type Bad = BadStorage & { expected: number; readonly lost: string[] }

function noteBad(bad: Map<string, Bad>, name: string, tensor: TorchTensor, located: Located | undefined): void {
  const { key, byteLength } = tensor.storage
  const needed = bytesNeeded(tensor)
  const there = located?.byteLength
  const expected = Math.max(needed, byteLength)
  if (!tensor.hasData || expected === 0 || (there !== undefined && there >= expected)) return
  const entry = bad.get(key) ?? { key, expected, lost: [], ...(there !== undefined && { there }) }
  entry.expected = Math.max(entry.expected, expected)
  if (there === undefined || needed > there) entry.lost.push(name)
  bad.set(key, entry)
}

function blockOf({ dtype, shape, strides, offset }: TorchTensor, at: Located): Block {
  const { source, bigEndian } = at
  return { source, offset: at.offset + offset * itemSize(dtype), strides, start: originOf(shape), shape, bigEndian }
}

/** Bytes of the storage up to the last that the view touches: offset + sum((size - 1) * stride) + 1 elements. */
function bytesNeeded({ dtype, shape, strides, offset }: TorchTensor): number {
  if (numel(shape) === 0) return 0
  return (shape.reduce((last, size, i) => last + (size - 1) * (strides[i] ?? 0), offset) + 1) * itemSize(dtype)
}
