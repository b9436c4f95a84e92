import type { ByteSource } from '../bytes/source'
import type { Whole } from '../decode/pickle/torch'
import type { ComponentId } from './checkpoint'
import { type DType, itemSize } from './dtype'

/**
 * One rectangular piece of a tensor's values: where its bytes are, how they are strided, and which box of the full tensor
 * they fill. A safetensors entry is one contiguous block; a torch view is one strided block; ZeRO slices and DCP chunks are several.
 */
export interface Block {
  readonly source: ByteSource
  /** Byte offset in `source` of the block's first element (index 0, 0, ...). */
  readonly offset: number
  /** In elements, one for each dimension of `shape`. 0 for expanded dimensions. */
  readonly strides: readonly number[]
  /** Index in the full tensor of the block's first element. */
  readonly start: readonly number[]
  /** Extent of the block, one for each dimension of the tensor. */
  readonly shape: readonly number[]
  readonly bigEndian?: boolean
}

/** A tensor whose values have not been read. */
export interface Tensor {
  /** Name in the state dict, or the path in the pickle (`state.0.exp_avg`). Unique only within one file. */
  readonly name: string
  readonly dtype: DType
  /** How the values are stored where that is not as `dtype`: `Q4_K` for blocks of GGUF that are decoded as they are read. */
  readonly storedAs?: string
  readonly shape: readonly number[]
  /** File the values are in, relative to the checkpoint, with forward slashes. */
  readonly file: string
  readonly component: ComponentId
  /**
   * Empty when there are no values anywhere (a meta tensor, a lost storage). They leave holes where a part of the values lies in
   * a file that is missing.
   */
  readonly blocks: readonly Block[]
  /** Storage the values live in. Tensors with one `key` in one `file` share bytes; `byteLength` is that of the whole storage. */
  readonly storage?: { readonly key: string; readonly byteLength: number }
  readonly requiresGrad?: boolean
  /** Set where the tensor is of another form than dense numbers. */
  readonly form?: Form
  /** Set where the values are one process's piece of a larger tensor. */
  readonly whole?: Whole
  /** Set where the file contradicts itself about it, so that its values may be others. */
  readonly doubt?: Doubt
}

export interface Doubt {
  /** Without a subject: `it shares 256 bytes with "embed.weight"`. */
  readonly why: string
  /** The tensors that it may be. */
  readonly readings: readonly Reading[]
}

/** One way to read a tensor of which the file contradicts itself. `sure`: all else in the file speaks for it. */
export interface Reading {
  /** What a user calls it. */
  readonly id: string
  /** Where its values are then, for a sentence. */
  readonly place: string
  readonly evidence: string
  readonly sure: boolean
  readonly tensor: Tensor
}

/**
 * `sparse`: shape and values are those of the dense form, `how` names torch's layout. `quantized`: the values are the stored
 * integers, `how` says how they become numbers.
 */
export interface Form {
  readonly kind: 'sparse' | 'quantized'
  readonly how: string
}

/** Element count; 1 for a scalar, 0 when a dimension is 0. */
export function numel(shape: readonly number[]): number {
  let n = 1
  for (const d of shape) n *= d
  return n
}

/** Whether all values are somewhere. */
export function isWhole({ shape, blocks }: Tensor): boolean {
  return blocks.reduce((sum, block) => sum + numel(block.shape), 0) >= numel(shape)
}

/** Bytes of the values as contiguous row-major elements (not of the storage). */
export function byteLength(tensor: Pick<Tensor, 'dtype' | 'shape'>): number {
  return numel(tensor.shape) * itemSize(tensor.dtype)
}

/** Bytes of the values as the file stores them: fewer than `byteLength` where they are decoded as they are read. */
export function storedBytes(tensor: Tensor): number {
  return tensor.storedAs !== undefined && tensor.storage ? tensor.storage.byteLength : byteLength(tensor)
}

/** Strides, in elements, of a contiguous row-major tensor. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= Math.max(shape[i] as number, 1)
  }
  return strides
}

/** Strides of contiguous tensors, one list for all tensors that share a list as their shape. */
export function sharedStrides(): (shape: readonly number[]) => readonly number[] {
  const known = new Map<readonly number[], readonly number[]>()
  return (shape) => {
    const strides = known.get(shape) ?? contiguousStrides(shape)
    known.set(shape, strides)
    return strides
  }
}

const ORIGINS = Array.from({ length: 9 }, (_, n) => new Array<number>(n).fill(0))

/** The index (0, 0, ...) of a tensor's first element; tensors of as many dimensions share one list. */
export function originOf(shape: readonly number[]): readonly number[] {
  return ORIGINS[shape.length] ?? new Array<number>(shape.length).fill(0)
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i])
}

/** The same values read by columns: rows and columns exchanged, nothing moved. */
export function transposed(tensor: Tensor): Tensor {
  const blocks = tensor.blocks.map((block) => ({
    ...block,
    strides: [...block.strides].reverse(),
    start: [...block.start].reverse(),
    shape: [...block.shape].reverse(),
  }))
  return { ...tensor, shape: [...tensor.shape].reverse(), blocks }
}
