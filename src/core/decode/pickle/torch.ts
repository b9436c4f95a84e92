import { bytesOf } from './calls'
import { type NumpyTensor, numpyTensorOf } from './numpy-tensor'
import { stateFields } from './state-fields'
import { torchTensorOf } from './torch-tensor'
import { isCallOf, mappingOf, PyDict, PyFloat, PyGlobal, PyObject, PyTuple, type PyValue, sequenceOf } from './value'
import { containerOf, type PyContainer } from './walk'

export type { NumpyTensor } from './numpy-tensor'
export type { Whole } from './torch-piece'
export { torchSizeOf } from './torch-size'
export { storageDtypeOf, type TorchStorage, torchStorageOf } from './torch-storage'
export {
  type SparseParts,
  type TorchTensor,
  torchDtypeOf,
  torchShapeOf,
  torchTensorOf,
} from './torch-tensor'

export interface FoundTensor {
  /** Keys joined by dots: `model.layer.weight`, `state.0.exp_avg`. Empty when the root itself is the tensor. */
  readonly path: string
  readonly value: PyValue
  readonly tensor: NumpyTensor
}

/** Containers entered again, under another path, weighed by what they hold. Keeps shared dicts and refuses explosions. */
const REVISITS = 200_000

interface Frame {
  readonly node: PyContainer
  /** Undefined at the root: the empty text is a key as any other. */
  readonly path: string | undefined
  readonly parts: readonly Part[]
  next: number
}

/** What a container holds, by name; what has none adds nothing to the path. */
type Part = readonly [name: string | undefined, value: PyValue]

/**
 * Every tensor in a value, in the order of the file. A dict shared by two keys is listed under both; a cycle is followed once. The tensors that make up a nested
 * one or a subclass of their own are listed below its path. The `_modules`, `_parameters` and `_buffers` of a pickled module
 * are folded away, so that names are those of its state dict.
 */
export function findTensors(root: PyValue): FoundTensor[] {
  return [...eachTensor(root, () => false)]
}

/**
 * As `findTensors`, one after another, and with them every NumPy array of numbers whose path `arrays` admits.
 */
export function* eachTensor(root: PyValue, arrays: (path: string) => boolean): Generator<FoundTensor> {
  const seen = new Set<PyContainer>()
  const open = new Set<PyContainer>()
  const frames: Frame[] = []
  let revisits = REVISITS

  const enter = (node: PyContainer, path: string | undefined) => {
    if (open.has(node) || (revisits < 0 && seen.has(node))) return
    const parts = partsByName(node)
    if (seen.has(node)) {
      revisits -= parts.length + 1
      if (revisits < 0) return
    }
    seen.add(node)
    if (parts.length === 0) return
    open.add(node)
    frames.push({ node, path, parts, next: 0 })
  }

  let path: string | undefined
  let value = root
  for (;;) {
    const node = containerOf(value)
    const tensor = node && (torchTensorOf(node) ?? (arrays(path ?? '') ? numpyTensorOf(node) : undefined))
    if (tensor) yield { path: path ?? '', value, tensor }
    else if (node) enter(node, path)
    let frame = frames[frames.length - 1]
    while (frame && frame.next === frame.parts.length) {
      open.delete(frame.node)
      frames.pop()
      frame = frames[frames.length - 1]
    }
    const part = frame?.parts[frame.next]
    if (!frame || !part) return
    frame.next++
    path = join(frame.path, part[0])
    value = part[1]
  }
}

const FOLDED = new Set(['_modules', '_parameters', '_buffers'])
/** What makes up the tensors that are no view of one storage (torch/_utils.py). */
const NESTED = ['buffer', 'sizes', 'strides', 'offsets']

function partsByName(node: PyContainer): Part[] {
  if (node instanceof PyDict) return named(node.entries)
  if (!(node instanceof PyObject)) return node.kind === 'persistent' ? [] : numbered(node.items)
  if (isCallOf(node, 'torch._utils', '_rebuild_nested_tensor')) {
    return (sequenceOf(node.args) ?? []).map((value, i) => [NESTED[i] ?? String(i), value] as const)
  }
  const fields = isCallOf(node, 'torch._tensor', '_rebuild_from_type_v2') ? subclassFields(node) : undefined
  return fields ? named(fields) : objectParts(node)
}

/** (function, class, arguments, state): what a subclass wraps stands in its state, and once more in the arguments. */
function subclassFields(node: PyObject): ReadonlyMap<PyValue, PyValue> | undefined {
  const fields = stateFields(sequenceOf(node.args)?.[3])
  if (fields === undefined || fields.size === 0) return undefined
  return new Map([...fields].filter(([key]) => key !== '_metadata_cache'))
}

function objectParts(node: PyObject): Part[] {
  const pairs = isCallOf(node, 'collections', 'OrderedDict') && !node.hasEntries ? mappingOf(node) : undefined
  const parts: Part[] = node.hasEntries ? named(node.entries) : []
  if (node.hasItems) for (const part of numbered(node.items)) parts.push(part)
  const states = node.state instanceof PyTuple ? node.state.items : [node.state]
  for (const state of states) {
    const fields = mappingOf(state)
    if (fields === undefined) parts.push([undefined, state ?? null])
    else {
      for (const [name, value] of named(fields)) parts.push([FOLDED.has(name) ? undefined : name, value])
    }
  }
  if (pairs && pairs.size > 0) return [...named(pairs), ...parts]
  const args = sequenceOf(node.args) ?? []
  // The one argument of Counter({...}), set([...]), a wrapper: its contents are the object's.
  if (args.length === 1) parts.push([undefined, args[0] as PyValue])
  else for (const part of numbered(args)) parts.push(part)
  return parts
}

function named(entries: ReadonlyMap<PyValue, PyValue>): [string, PyValue][] {
  const parts: [string, PyValue][] = []
  let place = 0
  for (const [key, value] of entries) {
    if (containerOf(value) !== undefined) parts.push([keyName(key) ?? String(place), value])
    place++
  }
  return parts
}

function numbered(items: readonly PyValue[]): Part[] {
  const parts: Part[] = []
  for (const [i, value] of items.entries()) {
    if (containerOf(value) !== undefined) parts.push([String(i), value])
  }
  return parts
}

/**
 * A key as it stands in a path: Python's `str` of it, so that `b'w'` and `('a', 0)` stay apart. Undefined for a key that no
 * text tells (a parameter, in a whole pickled optimizer).
 */
function keyName(key: PyValue): string | undefined {
  if (typeof key === 'string') return key
  if (key instanceof PyFloat) return String(key.value)
  if (key instanceof PyGlobal) return key.name
  const bytes = bytesOf(key)
  if (bytes) return `b'${[...bytes].map(byteText).join('')}'`
  if (key instanceof PyTuple) return tupleName(key)
  return key !== null && typeof key === 'object' ? undefined : String(key)
}

/** Keys longer than this are told by their place. */
const LONGEST_TUPLE = 16

function tupleName({ items }: PyTuple): string | undefined {
  if (items.length > LONGEST_TUPLE) return undefined
  const names = items.map((item) => (item instanceof PyTuple ? undefined : keyName(item)))
  if (names.includes(undefined)) return undefined
  const quoted = names.map((name, i) => (typeof items[i] === 'string' ? `'${name}'` : name))
  return `(${quoted.join(', ')}${items.length === 1 ? ',' : ''})`
}

function byteText(byte: number): string {
  return byte >= 32 && byte < 127 && byte !== 39 && byte !== 92
    ? String.fromCharCode(byte)
    : `\\x${byte.toString(16).padStart(2, '0')}`
}

function join(path: string | undefined, name: string | undefined): string | undefined {
  if (name === undefined) return path
  return path === undefined ? name : `${path}.${name}`
}
