import { type ByteSource, memorySource } from '../../bytes/source'
import type { NumpyTensor, SparseParts, TorchStorage, TorchTensor } from '../../decode/pickle/torch'
import { eachTensor, type FoundTensor } from '../../decode/pickle/torch'
import { PyDict } from '../../decode/pickle/value'
import type { ComponentId } from '../checkpoint'
import { itemSize } from '../dtype'
import type { Section } from '../sections'
import { type Block, contiguousStrides, numel, originOf, type Tensor } from '../tensor'
import { canDensify, denseSource } from './densify'
import { turnedSigns } from './signs'

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

export type Locate = (storage: TorchStorage) => Located | undefined

/** A tensor of a section, and what it is called: see `tensorsOf`. */
export interface NamedTensor extends FoundTensor {
  readonly name: string
  readonly section: Section
}

/**
 * Every tensor in the parts of a pickled object, its values one strided block of the storage that `locate` finds. The weights of a
 * training dict are named as in their state dict, or by their whole path where there are several (model and EMA);
 * all others by their path. `space` is given for a further pickle of the file: it
 * sets the keys of storages apart, and all names are whole paths.
 */
export function tensorsOf(sections: readonly Section[], file: string, locate: Locate, space = ''): PickledTensors {
  const tensors: Tensor[] = []
  const bad = new Map<string, Bad>()
  const place = (storage: TorchStorage) => (storage.inline ? inlined(storage, storage.inline, file) : locate(storage))
  for (const { name, tensor, section } of namedTensors(sections, space === '')) {
    const located = tensor.hasData && !tensor.sparse ? place(tensor.storage) : undefined
    if (!tensor.sparse) noteBad(bad, name, tensor, located)
    else
      for (const part of partsOf(tensor.sparse))
        noteBad(bad, name, part, part.hasData ? place(part.storage) : undefined)
    const made = tensor.sparse
      ? sparseAt(name, tensor, tensor.sparse, place, file, section.component)
      : tensorAt(name, tensor, located, file, section.component)
    const { storage } = made
    tensors.push(space && storage ? { ...made, storage: { ...storage, key: `${space}/${storage.key}` } } : made)
  }
  return { tensors, bad: [...bad.values()], lost: [...bad.values()].flatMap(({ lost }) => lost) }
}

/** Components whose NumPy arrays are values of the model; elsewhere arrays are random states, metrics, records. */
const ARRAYS: ReadonlySet<ComponentId> = new Set<ComponentId>(['weights', 'adapter', 'optimizer'])

/** The tensors of the sections in the order of `tensorsOf`, as the pickle holds them. */
export function* namedTensors(sections: readonly Section[], main = true): Generator<NamedTensor> {
  const bare = main && sections.filter((section) => section.component === 'weights').length === 1
  // One search for all sections, each under its number, so that what they share is bounded once.
  const root = new PyDict()
  for (const [i, section] of sections.entries()) root.entries.set(i, section.value)
  const sectionOf = (path: string) => sections[Number.parseInt(path, 10)]
  const arrays = (path: string) => ARRAYS.has(sectionOf(path)?.component ?? 'custom')
  for (const { path, value, tensor } of eachTensor(root, arrays)) {
    const dot = path.indexOf('.')
    const section = sectionOf(path)
    if (!section) continue
    const prefix = bare && section.component === 'weights' ? undefined : section.key
    const inner = dot < 0 ? undefined : path.slice(dot + 1)
    const name =
      prefix === undefined ? (inner ?? section.key ?? 'tensor') : inner === undefined ? prefix : `${prefix}.${inner}`
    yield { path, value, tensor, name, section }
  }
}

/** The views of storages that make up a sparse tensor. */
function partsOf({ indices, compressed, values }: SparseParts): readonly TorchTensor[] {
  return compressed ? [compressed, indices, values] : [indices, values]
}

/** A tensor over a storage, without values where that is not there or too short. */
export function tensorAt(
  name: string,
  tensor: NumpyTensor,
  located: Located | undefined,
  file: string,
  component: ComponentId,
): Tensor {
  const { dtype, shape, storage, requiresGrad, quantized, whole } = tensor
  const own = tensor.hasData && !storage.inline
  return {
    name,
    dtype,
    shape,
    file,
    component,
    blocks: located && bytesNeeded(tensor) <= located.byteLength ? [blockOf(tensor, located)] : [],
    storage: own ? { key: storage.key, byteLength: located?.byteLength ?? storage.byteLength } : undefined,
    requiresGrad,
    form: quantized === undefined ? undefined : { kind: 'quantized', how: quantized },
    whole,
  }
}

/** The dense form, made when it is read; without values where it would be beyond all measure or a part of it is lost. */
function sparseAt(
  name: string,
  { dtype, shape, requiresGrad, whole }: TorchTensor,
  { layout, indices, compressed, values }: SparseParts,
  place: Locate,
  file: string,
  component: ComponentId,
): Tensor {
  const part = (of: TorchTensor) => tensorAt(name, of, of.hasData ? place(of.storage) : undefined, file, component)
  const sparse = { name, layout, shape, indices: part(indices), values: part(values) }
  const parts = compressed ? { ...sparse, compressed: part(compressed) } : sparse
  const block = () => {
    return { source: denseSource(parts), offset: 0, strides: contiguousStrides(shape), start: originOf(shape), shape }
  }
  const form = { kind: 'sparse', how: layout } as const
  return { name, dtype, shape, file, component, requiresGrad, whole, form, blocks: canDensify(parts) ? [block()] : [] }
}

/** Bytes that the pickle itself holds. */
function inlined({ key }: TorchStorage, bytes: Uint8Array, file: string): Located {
  return { source: memorySource(`${file}:${key || 'array'}`, bytes), offset: 0, byteLength: bytes.length }
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

function blockOf(tensor: NumpyTensor, at: Located): Block {
  const { dtype, shape, strides, offset, conjugate, negate } = tensor
  const bigEndian = at.bigEndian ?? tensor.bigEndian
  const source = conjugate || negate ? turnedSigns(at.source, at.offset, dtype, { ...tensor, bigEndian }) : at.source
  return { source, offset: at.offset + offset * itemSize(dtype), strides, start: originOf(shape), shape, bigEndian }
}

/** Bytes of the storage up to the last that the view touches: offset + sum((size - 1) * stride) + 1 elements. */
function bytesNeeded({ dtype, shape, strides, offset, storage }: TorchTensor): number {
  if (numel(shape) === 0 || storage.packed !== undefined) return 0
  let last = offset
  for (let i = 0; i < shape.length; i++) last += ((shape[i] as number) - 1) * (strides[i] ?? 0)
  return (last + 1) * itemSize(dtype)
}
