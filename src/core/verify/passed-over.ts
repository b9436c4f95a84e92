import type { Checkpoint } from '../checkpoint/checkpoint'
import { isFloating } from '../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../checkpoint/tensor'
import { isReadable, readBlocks } from '../checkpoint/values'
import { fieldsOf } from '../decode/plain'
import { AssayError } from '../errors'
import { unwrapped } from './shapes/names'

/** A tensor that loaders find, and the one of its name in the files that they pass over. */
interface Pair {
  readonly own: Tensor
  readonly other: Tensor
}

/** Heads that safetensors leaves out where they are tied, and .bin keeps under their own name. */
const TIED = /(^|\.)(lm_head|embed_out|proj_out|decoder|embed_tokens|output_projection)\.weight$/

/**
 * Tensors that are only in the files which loaders pass over. None where either side has tensors that the other lacks: then they
 * are two models, of which the one with another head was saved over the other.
 */
export function onlyPassedOver(checkpoint: Checkpoint): Tensor[] {
  const own = namesOf(weights(checkpoint.tensors))
  const others = namesOf(othersOf(checkpoint))
  if (own.size === 0 || [...own.keys()].some((name) => !others.has(name))) return []
  const tied = fieldsOf(checkpoint.config)?.tie_word_embeddings !== false
  const kept = new Set([...others].flatMap(([name, tensor]) => (own.has(name) ? storageOf(tensor) : [])))
  return [...others].flatMap(([name, tensor]) => {
    const isTied = (tied && TIED.test(name)) || storageOf(tensor).some((key) => kept.has(key))
    return own.has(name) || isTied || !isFloating(tensor.dtype) || numel(tensor.shape) === 0 ? [] : [tensor]
  })
}

/** As many tensors are looked into, spread over the model, and so many bytes of each: every step of a training moves nearly all. */
const MOST_TENSORS = 64
const MOST_BYTES = 4096

/** The first tensor whose values begin otherwise in the files that loaders pass over. What cannot be read is not told. */
export async function firstDiffering(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Pair | undefined> {
  const others = namesOf(othersOf(checkpoint))
  if (others.size === 0) return undefined
  const pairs = [...namesOf(weights(checkpoint.tensors))].flatMap(([name, own]): Pair[] => {
    const other = others.get(name)
    const alike = other && other.dtype === own.dtype && sameShape(other.shape, own.shape) && isFloating(own.dtype)
    return alike && isReadable(own) && isReadable(other) ? [{ own, other }] : []
  })
  const each = Math.max(1, Math.ceil(pairs.length / MOST_TENSORS))
  for (const [i, pair] of pairs.entries()) {
    if (i % each === 0 && (await differs(pair, signal))) return pair
  }
  return undefined
}

async function differs({ own, other }: Pair, signal?: AbortSignal): Promise<boolean> {
  try {
    const [a, b] = [await beginning(own, signal), await beginning(other, signal)]
    return a.some((byte, i) => byte !== b[i])
  } catch (error) {
    if (error instanceof AssayError && error.code !== 'cancelled') return false
    throw error
  }
}

async function beginning(tensor: Tensor, signal?: AbortSignal): Promise<Uint8Array> {
  for await (const block of readBlocks(tensor, { blockBytes: MOST_BYTES, ...(signal && { signal }) })) {
    return block.slice()
  }
  return new Uint8Array(0)
}

function othersOf({ passedOver = [] }: Checkpoint): Tensor[] {
  return weights(passedOver.flatMap(({ tensors }) => tensors))
}

function weights(tensors: readonly Tensor[]): Tensor[] {
  return tensors.filter(({ component }) => component === 'weights' || component === 'adapter')
}

function namesOf(tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((tensor) => [unwrapped(tensor.name), tensor]))
}

function storageOf({ file, storage }: Tensor): string[] {
  return storage ? [`${file}\0${storage.key}`] : []
}
