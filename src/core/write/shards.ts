import { byteLength, numel } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import type { OutputTensor } from './output'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/**
 * Bytes in a size such as `5GB`, `500MB`, `1.5GiB` or `1000000`: decimal units as in Hugging Face's `max_shard_size`, binary
 * ones with an `i`, in any case. Throws `usage` for anything else and for less than one byte.
 */
export function parseSize(text: string): number {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const factor = UNITS[(unit ?? '?').toUpperCase()]
  const bytes = factor === undefined ? Number.NaN : Math.floor(Number(number) * factor)
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes
  throw new AssayError('usage', `${text} is no size`, { hint: 'Write a size as 5GB, 500MB or 1GiB' })
}

/**
 * Cuts tensors, in their order, into shards of at most `maxBytes` of values. A tensor larger than that gets a shard of its
 * own while the shard before it goes on being filled: the rule of `split_state_dict_into_shards_factory`
 * (huggingface_hub 1.x, `serialization/_base.py`).
 */
export function planShards<T extends Pick<OutputTensor, 'dtype' | 'shape'>>(
  tensors: readonly T[],
  maxBytes = Number.POSITIVE_INFINITY,
): T[][] {
  const shards: T[][] = []
  let current: T[] = []
  let filled = 0
  for (const tensor of tensors) {
    const bytes = byteLength(tensor)
    if (bytes > maxBytes) {
      shards.push([tensor])
      continue
    }
    if (current.length > 0 && filled + bytes > maxBytes) {
      shards.push(current)
      current = []
      filled = 0
    }
    current.push(tensor)
    filled += bytes
  }
  if (current.length > 0 || shards.length === 0) shards.push(current)
  return shards
}

/** `model.safetensors`, or `model-00001-of-00004.safetensors` ... where there are several (numbers from 1, five digits). */
export function shardNames(stem: string, extension: string, count: number): string[] {
  const digits = (n: number) => String(n).padStart(5, '0')
  if (count === 1) return [`${stem}${extension}`]
  return Array.from({ length: count }, (_, i) => `${stem}-${digits(i + 1)}-of-${digits(count)}${extension}`)
}

/** What an index says of one tensor: its name, its size, and the file it is in, relative to the index. */
export interface IndexEntry extends Pick<OutputTensor, 'name' | 'dtype' | 'shape'> {
  readonly file: string
}

/**
 * The text of `model.safetensors.index.json`, in the form transformers 5.18 writes: `total_size` is the sum of the tensors'
 * bytes (headers not counted), names are sorted, two spaces of indent, a newline at the end.
 */
export function shardIndex(entries: readonly IndexEntry[], extra: Readonly<Record<string, unknown>> = {}): string {
  const metadata = {
    ...extra,
    total_parameters: entries.reduce((sum, { shape }) => sum + numel(shape), 0),
    total_size: entries.reduce((sum, entry) => sum + byteLength(entry), 0),
  }
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))
  const weightMap = Object.fromEntries(sorted.map(({ name, file }) => [name, file]))
  return `${JSON.stringify({ metadata, weight_map: weightMap }, null, 2)}\n`
}
