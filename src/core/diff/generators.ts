import { type Digest, sha256 } from '../bytes/sha256'
import type { Checkpoint, GeneratorState } from '../checkpoint/checkpoint'
import { byteLength } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'
import { torchTensorOf } from '../decode/pickle/torch'
import { PyBytes, PyFloat, PyGlobal, type PyValue } from '../decode/pickle/value'
import { containerOf, partsOf } from '../decode/pickle/walk'
import { isLocal, throwIfAborted } from '../errors'
import type { StateDifference } from './state'

/** A generator of both sides: the CUDA generators of a process are one. */
export interface GeneratorPair {
  /** `rng.torch`, `rng.rank 0.torch`. */
  readonly what: string
  readonly a: readonly GeneratorState[]
  readonly b: readonly GeneratorState[]
}

/** The generators that both sides have, by process. That one side lacks some is told with the other facts. */
export function generatorPairs(a: Checkpoint, b: Checkpoint): GeneratorPair[] {
  const [inA, inB] = [byPath(a), byPath(b)]
  return [...inA].flatMap(([what, states]) => {
    const others = inB.get(what)
    return others ? [{ what, a: states, b: others }] : []
  })
}

function byPath({ state: { generators = [] } }: Checkpoint): Map<string, GeneratorState[]> {
  const files = [...new Set(generators.filter(({ rank }) => rank === undefined).map(({ file }) => file))]
  const found = new Map<string, GeneratorState[]>()
  for (const state of generators) {
    const { rank, file, generator } = state
    const process = rank !== undefined ? `rng.rank ${rank}` : files.length > 1 ? `rng[${files.indexOf(file)}]` : 'rng'
    const what = `${process}.${generator}`
    const states = found.get(what)
    if (states) states.push(state)
    else found.set(what, [state])
  }
  return found
}

/** Bytes of tensors that comparing reads. */
export function generatorBytes(pairs: readonly GeneratorPair[]): number {
  return pairs.reduce((sum, { a, b }) => sum + [...a, ...b].reduce((bytes, state) => bytes + bytesOf(state), 0), 0)
}

function bytesOf({ tensors }: GeneratorState): number {
  return tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0)
}

/** Compares by content, tensors included. Undefined when they agree; of errors only `cancelled` is thrown. */
export async function compareGenerators(
  { what, a, b }: GeneratorPair,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<StateDifference | undefined> {
  const [left, right] = [await digestOf(a, signal, onBytes), await digestOf(b, signal, onBytes)]
  return left === right && left !== UNREADABLE ? undefined : { what, a: left, b: right, same: false }
}

const UNREADABLE = 'cannot be read'

async function digestOf(
  states: readonly GeneratorState[],
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash = sha256()
  try {
    for (const { value, tensors } of states) {
      throwIfAborted(signal)
      addValue(hash, value)
      for (const tensor of tensors) {
        for await (const block of readBlocks(tensor, { ...(signal && { signal }) })) hash.update(block)
        onBytes(byteLength(tensor))
      }
    }
    return `sha256 ${hash.hex().slice(0, 16)}`
  } catch (error) {
    if (!isLocal(error)) throw error
    return UNREADABLE
  }
}

/**
 * Everything a value says, in order; a container met again by the number it had at first. Of a tensor only its kind: the
 * key of its storage is the writer's choice.
 */
function addValue(hash: Digest, root: PyValue): void {
  const encoder = new TextEncoder()
  const say = (text: string) => hash.update(encoder.encode(`${text}\0`))
  const seen = new Map<PyValue, number>()
  const stack: PyValue[] = [root]
  while (stack.length > 0) {
    const value = stack.pop() as PyValue
    const tensor = torchTensorOf(value)
    const container = containerOf(value)
    if (tensor) say(`tensor ${tensor.dtype} ${tensor.shape.join(',')}`)
    else if (!container) addLeaf(value, say, hash)
    else if (seen.has(value)) say(`again ${seen.get(value)}`)
    else {
      seen.set(value, seen.size)
      const parts = partsOf(container)
      say(`${container.kind} ${parts.length}`)
      for (let i = parts.length - 1; i >= 0; i--) stack.push(parts[i] as PyValue)
    }
  }
}

function addLeaf(value: PyValue, say: (text: string) => void, hash: Digest): void {
  if (value instanceof PyBytes) {
    say(`bytes ${value.bytes.length}`)
    hash.update(value.bytes)
  } else if (value instanceof PyFloat) say(`float ${Object.is(value.value, -0) ? '-0' : value.value}`)
  else if (value instanceof PyGlobal) say(`global ${value.path}`)
  else say(`${typeof value} ${value}`)
}
