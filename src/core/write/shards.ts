import { byteLength, numel } from '../checkpoint/tensor'
import type { OutputTensor } from './output'

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
