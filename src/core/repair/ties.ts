import type { Checkpoint } from '../checkpoint/checkpoint'
import { equalValues } from '../checkpoint/equal'
import { byteLength, sameShape, type Tensor } from '../checkpoint/tensor'
import { fieldsOf } from '../decode/plain'
import { AssayError } from '../errors'
import type { ExportFormat } from './export'

const HEAD = /(^|\.)lm_head\.weight$/
const EMBEDDING = /(^|\.)(embed_tokens|wte|word_embeddings)\.weight$/

/** A name that one of a tied pair has, and what the other may be called; undefined for any other name. */
export function twinOf(name: string): RegExp | undefined {
  return HEAD.test(name) ? EMBEDDING : EMBEDDING.test(name) ? HEAD : undefined
}

/** Whether config.json ties a head and an embedding that are kept as two tensors. Looks at names and shapes only. */
export function isUntied({ config }: Checkpoint, tensors: readonly Tensor[]): boolean {
  const { heads, embeddings } = pairsIn(tensors)
  const [head, embedding] = [heads[0], embeddings[0]]
  if (fieldsOf(config)?.tie_word_embeddings !== true || !head || !embedding) return false
  const isShared =
    head.storage !== undefined && head.file === embedding.file && head.storage.key === embedding.storage?.key
  return heads.length === 1 && embeddings.length === 1 && isAlike(head, embedding) && !isShared
}

function pairsIn(tensors: Iterable<Tensor>): { heads: Tensor[]; embeddings: Tensor[] } {
  const all = [...tensors]
  return {
    heads: all.filter((tensor) => HEAD.test(tensor.name)),
    embeddings: all.filter((tensor) => EMBEDDING.test(tensor.name)),
  }
}

function isAlike(head: Tensor, embedding: Tensor): boolean {
  return head.dtype === embedding.dtype && sameShape(head.shape, embedding.shape)
}

/**
 * The tensors of an Accelerate folder for safetensors, those that share all their values only once and under the first name, as
 * Accelerate writes them (accelerate 1.15, utils/other.py `clean_state_dict_for_safetensors`): its `load_state` refuses a second.
 */
export function sharedOnce(kept: ReadonlyMap<Tensor, string>): { kept: Map<Tensor, string>; dropped: Tensor[] } {
  const seen = new Set<string>()
  const dropped = [...kept.keys()].filter(({ file, dtype, shape, storage, blocks }) => {
    if (!storage) return false
    const views = blocks.map(({ offset, strides }) => [offset, strides])
    const key = JSON.stringify([file, storage.key, dtype, shape, views])
    if (seen.has(key)) return true
    seen.add(key)
    return false
  })
  return { kept: new Map([...kept].filter(([tensor]) => !dropped.includes(tensor))), dropped }
}

/**
 * The tensors of an export with the head and the embedding that config.json ties made one: in a PyTorch file they share their values, in
 * safetensors the head is left out, as transformers does. Throws `usage` where the config ties nothing, where either is not there and
 * where their values differ.
 */
export async function tied(
  { config, name, path }: Checkpoint,
  kept: ReadonlyMap<Tensor, string>,
  format: ExportFormat,
  signal?: AbortSignal,
): Promise<{ kept: Map<Tensor, string>; dropped: Tensor[] }> {
  const fail = (why: string, hint?: string) =>
    new AssayError('usage', `${name} has nothing to tie: ${why}`, { file: path, ...(hint !== undefined && { hint }) })
  if (fieldsOf(config)?.tie_word_embeddings !== true) throw fail('config.json does not say tie_word_embeddings')
  const { heads, embeddings } = pairsIn(kept.keys())
  const [head, embedding] = [heads[0], embeddings[0]]
  if (!head || !embedding || heads.length > 1 || embeddings.length > 1)
    throw fail(`it has ${heads.length} heads and ${embeddings.length} embeddings`)
  if (!isAlike(head, embedding) || !(await equalValues(head, embedding, signal)))
    throw fail(`${head.name} and ${embedding.name} differ`, 'A repair asks which of them is meant (--deep)')
  if (format === 'safetensors') {
    return { kept: new Map([...kept].filter(([tensor]) => tensor !== head)), dropped: [head] }
  }
  const storage = embedding.storage ?? { key: embedding.name, byteLength: byteLength(embedding) }
  const one = new Map([
    [head, { ...embedding, storage, name: head.name }],
    [embedding, { ...embedding, storage }],
  ])
  return { kept: new Map([...kept].map(([tensor, called]) => [one.get(tensor) ?? tensor, called])), dropped: [] }
}
