import type { ByteSink } from '../bytes/sink'
import { DTYPES, type DType } from '../checkpoint/dtype'
import { byteLength } from '../checkpoint/tensor'
import { AssayError, throwIfAborted } from '../errors'
import { type OutputTensor, pour, refuseDuplicates, type WriteOptions } from './output'

/**
 * The enum order of the reference writer (huggingface/safetensors 0.8.0, `safetensors/src/tensor.rs`, `Dtype`), which puts
 * tensors in the file by descending rank, then by name.
 */
const RANK = [
  ...['BOOL', 'F4', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'I16', 'U16', 'F16'],
  ...['BF16', 'I32', 'U32', 'F32', 'C64', 'F64', 'I64', 'U64'],
]

/** The reference reader refuses a longer header (`MAX_HEADER_SIZE`, safetensors 0.8.0). */
const MAX_HEADER = 100_000_000

type Described = Pick<OutputTensor, 'name' | 'dtype' | 'shape'>

/** Why safetensors cannot hold the tensor; undefined when it can. */
export function whyNotSafetensors(tensor: Described): string | undefined {
  if (DTYPES[tensor.dtype].safetensors === undefined) return `safetensors has no ${tensor.dtype}`
  if (tensor.dtype === 'float4_e2m1fn_x2' && tensor.shape.length === 0)
    return 'safetensors counts single 4-bit values, and a scalar pair has no dimension to count them in'
  if (/\p{Surrogate}/u.test(tensor.name)) return 'its name is not valid Unicode text'
  if (tensor.name === '__metadata__') return 'its name is the one that safetensors keeps for metadata'
  return undefined
}

/**
 * The file's first bytes (u64 LE header length, then the JSON header padded with spaces to a multiple of 8), the order the
 * values follow in, and the size of the whole file. Same bytes as safetensors 0.8.0 writes for the same tensors and a
 * metadata of at most one key (it writes several in random order).
 * Throws `target/duplicate-name`, `target/not-expressible` (naming every tensor that does not fit the format) and
 * `target/header-too-large`.
 */
export function layoutSafetensors<T extends Described>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>>,
): { head: Uint8Array; order: T[]; size: number } {
  refuseDuplicates(tensors)
  refuseInexpressible(tensors)
  const order = [...tensors].sort((a, b) => rank(b.dtype) - rank(a.dtype) || compareUtf8(a.name, b.name))
  const entries: string[] = []
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`)
  let end = 0
  for (const tensor of order) {
    const begin = end
    end += byteLength(tensor)
    const info = {
      dtype: DTYPES[tensor.dtype].safetensors,
      shape: storedShape(tensor),
      data_offsets: [begin, end],
    }
    entries.push(`${JSON.stringify(tensor.name)}:${JSON.stringify(info)}`)
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`)
  const length = Math.ceil(json.byteLength / 8) * 8
  if (length > MAX_HEADER)
    throw new AssayError(
      'target/header-too-large',
      `The names of ${tensors.length} tensors need a header of ${length} bytes; safetensors allows ${MAX_HEADER}`,
      { hint: 'Write several files: set a largest shard' },
    )
  const head = new Uint8Array(8 + length).fill(0x20)
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true)
  head.set(json, 8)
  return { head, order, size: head.byteLength + end }
}

/**
 * Writes one safetensors file into `sink` (the caller commits or discards it). Throws as `layoutSafetensors`, before
 * anything is written; later `target/wrong-length`, `cancelled`, and what the sources of the values throw.
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: readonly OutputTensor[],
  metadata: Readonly<Record<string, string>>,
  options: WriteOptions = {},
): Promise<void> {
  const { head, order, size } = layoutSafetensors(tensors, metadata)
  throwIfAborted(options.signal)
  await sink.write(head)
  let done = head.byteLength
  for (const tensor of order) {
    const onBytes = (bytes: number) => {
      done += bytes
      options.onProgress?.(done, size, tensor.name)
    }
    await pour(sink, tensor, { onBytes, ...(options.signal && { signal: options.signal }) })
  }
}

function refuseInexpressible(tensors: readonly Described[]): void {
  const refused = tensors.flatMap((tensor) => {
    const why = whyNotSafetensors(tensor)
    return why === undefined ? [] : [`${tensor.name} (${why})`]
  })
  if (refused.length === 0) return
  throw new AssayError('target/not-expressible', `safetensors cannot hold ${refused.join(', ')}`, {
    hint: 'Write a PyTorch file instead',
  })
}

function rank(dtype: DType): number {
  return RANK.indexOf(DTYPES[dtype].safetensors ?? '')
}

/** F4 counts single values where torch's shape counts pairs in the last dimension. */
function storedShape({ dtype, shape }: Described): number[] {
  return shape.map((extent, i) => (dtype === 'float4_e2m1fn_x2' && i === shape.length - 1 ? extent * 2 : extent))
}

/** Order of the UTF-8 bytes, as Rust compares strings: UTF-16 units, with surrogates above U+E000 to U+FFFF. */
function compareUtf8(a: string, b: string): number {
  const common = Math.min(a.length, b.length)
  for (let i = 0; i < common; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return abovePlane(x) - abovePlane(y)
  }
  return a.length - b.length
}

function abovePlane(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
