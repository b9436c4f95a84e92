import type { ByteSource } from '../../bytes/source'
import type { TorchStorage, TorchTensor } from '../../decode/pickle/torch'
import { findTensors } from '../../decode/pickle/torch'
import type { PyValue } from '../../decode/pickle/value'
import type { ComponentId } from '../checkpoint'
import { itemSize } from '../dtype'
import { type Section, sectionsOf } from '../sections'
import { type Block, numel, type Tensor } from '../tensor'

/** Where a storage's bytes are. */
export interface Located {
  readonly source: ByteSource
  /** Byte offset of its first element in `source`. */
  readonly offset: number
  /** Bytes that are really there. */
  readonly byteLength: number
  readonly bigEndian?: boolean
}

export interface PickledTensors {
  readonly tensors: Tensor[]
  /** Tensors whose storage is nowhere. */
  readonly absent: { readonly name: string; readonly storage: TorchStorage }[]
  /** Tensors that reach beyond the end of their storage: bytes needed, bytes there. */
  readonly short: {
    readonly name: string
    readonly storage: TorchStorage
    readonly needed: number
    readonly there: number
  }[]
}

/** Components whose files may be a training dict of several parts. */
const MIXED: ReadonlySet<ComponentId> = new Set(['weights', 'trainer'])

/** The sections of a file opened as `component`: several only where a training dict may be. */
export function sectionsIn(value: PyValue | undefined, component: ComponentId): Section[] {
  if (value === undefined) return []
  return MIXED.has(component) ? sectionsOf(value, component) : [{ component, value }]
}

/**
 * Every tensor in a pickled object, its values one strided block of the storage that `locate` finds. The weights of a
 * training dict are named as in their state dict, or by their whole path where there are several (model and EMA);
 * all others by their path.
 */
export function tensorsOf(
  value: PyValue | undefined,
  file: string,
  component: ComponentId,
  locate: (storage: TorchStorage) => Located | undefined,
): PickledTensors {
  const found: PickledTensors = { tensors: [], absent: [], short: [] }
  const sections = sectionsIn(value, component)
  const bare = sections.filter((section) => section.component === 'weights').length === 1
  for (const section of sections) {
    const prefix = section.key === undefined || (bare && section.component === 'weights') ? '' : section.key
    for (const { path, tensor } of findTensors(section.value)) {
      const name = [prefix, path].filter((part) => part !== '').join('.')
      add(found, name === '' ? (section.key ?? 'tensor') : name, tensor, file, section.component, locate)
    }
  }
  return found
}

function add(
  found: PickledTensors,
  name: string,
  tensor: TorchTensor,
  file: string,
  component: ComponentId,
  locate: (storage: TorchStorage) => Located | undefined,
): void {
  const { dtype, shape, storage, requiresGrad } = tensor
  const located = tensor.hasData ? locate(storage) : undefined
  const needed = reach(tensor) * itemSize(dtype)
  if (tensor.hasData && !located && needed > 0) found.absent.push({ name, storage })
  if (located && needed > located.byteLength) found.short.push({ name, storage, needed, there: located.byteLength })
  const blocks = located && needed <= located.byteLength ? [blockOf(tensor, located)] : []
  found.tensors.push({
    name,
    dtype,
    shape,
    file,
    component,
    blocks,
    ...(tensor.hasData && { storage: { key: storage.key, byteLength: located?.byteLength ?? storage.byteLength } }),
    requiresGrad,
  })
}

function blockOf(tensor: TorchTensor, { source, offset, bigEndian }: Located): Block {
  return {
    source,
    offset: offset + tensor.offset * itemSize(tensor.dtype),
    strides: tensor.strides,
    start: new Array<number>(tensor.shape.length).fill(0),
    shape: tensor.shape,
    ...(bigEndian && { bigEndian }),
  }
}

/** Elements of the storage up to the last that the view touches: offset + sum((size - 1) * stride) + 1, 0 if it has none. */
function reach({ shape, strides, offset }: TorchTensor): number {
  if (numel(shape) === 0) return 0
  return shape.reduce((last, size, i) => last + (size - 1) * (strides[i] ?? 0), offset) + 1
}
