import { beginsLikePickle, bytesOf } from '../../decode/pickle/calls'
import { allowedByWeightsOnly } from '../../decode/pickle/globals'
import { decodePickle } from '../../decode/pickle/machine'
import { numpyTensorOf } from '../../decode/pickle/numpy-tensor'
import { madeOf, plainOf, wrappedIn } from '../../decode/pickle/plain-of'
import { stateFields } from '../../decode/pickle/state-fields'
import { findTensors, torchStorageOf, torchTensorOf } from '../../decode/pickle/torch'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type PyValue,
  sequenceOf,
} from '../../decode/pickle/value'
import { containerOf } from '../../decode/pickle/walk'
import { AssayError } from '../../errors'
import { calledBy, isClassName } from './classes'
import { Notes } from './notes'
import { Storages, type Stored } from './storages'

/** Levels of containers in containers; training dicts have some ten. */
const DEEPEST = 1000

/** What a pickle says with nothing in it but tensors and plain values. */
export interface PlainPickle {
  readonly value: PyValue
  /** Values that lay in the pickle itself and are to be stored beside it, by the key that `value` refers to. */
  readonly stored: readonly Stored[]
  readonly notes: Notes
}

/**
 * The same value with plain values for objects, so that `torch.load(weights_only=True)` takes it: configurations and
 * namespaces are dicts, paths, dates and classes are texts, enumerations and NumPy scalars what they hold, NumPy arrays
 * tensors, modules their state dict, any other object with fields a dict of them. Numbers, texts, bytes and tensors stay what they are,
 * bit for bit; what is shared stays shared. What calls for code, or has no plain form, is left out and noted.
 *
 * Nothing is imported or called. Throws `target/not-rewritable` when nothing would be left, or for values nested beyond measure.
 */
export function plainValue(root: PyValue): PlainPickle {
  const plainer = new Plainer(root)
  const value = plainer.convert(root, '', 0)
  if (value === undefined)
    throw new AssayError('target/not-rewritable', 'What the file holds has no plain form: nothing would be left of it')
  return { value, stored: plainer.storages.stored, notes: plainer.notes }
}

class Plainer {
  readonly notes = new Notes()
  readonly storages: Storages
  /** What each container became, so that shared ones stay shared; undefined for one that is left out. */
  private readonly done = new Map<PyValue, PyValue | undefined>()

  constructor(root: PyValue) {
    this.storages = new Storages(root)
  }

  /** The plain form, or undefined where the value is to be left out. */
  convert(value: PyValue, where: string, depth: number): PyValue | undefined {
    if (value === null || typeof value !== 'object' || value instanceof PyFloat) return value
    if (value instanceof PyBytes) return this.bytes(value, where)
    if (value instanceof PyGlobal) return this.named(value, where)
    if (this.done.has(value)) return this.done.get(value)
    if (depth > DEEPEST)
      throw new AssayError('target/not-rewritable', `Values lie in one another more than ${DEEPEST} deep`)
    const made = this.container(value, where, depth + 1)
    this.done.set(value, made)
    return made
  }

  private container(
    value: PyList | PyTuple | PyDict | PySet | PyObject | PyPersistent,
    where: string,
    depth: number,
  ): PyValue | undefined {
    if (value instanceof PyDict) return this.dict(value, value.entries, where, depth)
    if (value instanceof PyList) return this.list(value, value.items, where, depth)
    if (value instanceof PyTuple) return new PyTuple(this.items(value.items, where, depth))
    if (value instanceof PySet) return new PySet(this.items(value.items, where, depth))
    if (value instanceof PyPersistent) return this.persistent(value, where, depth)
    return this.object(value, where, depth)
  }

  private dict(node: PyValue, entries: ReadonlyMap<PyValue, PyValue>, where: string, depth: number): PyDict {
    const dict = new PyDict()
    this.done.set(node, dict)
    this.fill(dict.entries, entries, where, depth)
    return dict
  }

  private fill(to: Map<PyValue, PyValue>, from: ReadonlyMap<PyValue, PyValue>, where: string, depth: number): void {
    for (const [key, each] of from) {
      const place = within(where, key)
      const plainKey = this.convert(key, place, depth)
      const value = this.convert(each, place, depth)
      if (plainKey !== undefined && value !== undefined) to.set(hashable(plainKey), value)
    }
  }

  private list(node: PyValue, items: readonly PyValue[], where: string, depth: number): PyList {
    const list = new PyList()
    this.done.set(node, list)
    for (const item of this.items(items, where, depth)) list.items.push(item)
    return list
  }

  /** None stands for an item that is left out: the others keep their places. */
  private items(items: readonly PyValue[], where: string, depth: number): PyValue[] {
    return items.map((item, i) => this.convert(item, within(where, i), depth) ?? null)
  }

  private bytes(value: PyBytes, where: string): PyBytes | undefined {
    if (!beginsLikePickle(value.bytes)) return value
    const danger = decodePickle(value.bytes).globals.find(({ verdict }) => verdict === 'dangerous')
    if (danger) this.notes.remove(where, `a pickle that calls ${danger.module}.${danger.name}`)
    return danger ? undefined : value
  }

  /** A class or function that is not called: torch's dtypes stay, of others the name. */
  private named(value: PyGlobal, where: string): PyValue | undefined {
    if (allowedByWeightsOnly(value.module, value.name)) return value
    if (calledBy(value)?.verdict === 'dangerous') {
      this.notes.remove(where, value.path)
      return undefined
    }
    this.notes.became(value.path, 'its name')
    return value.path
  }

  private persistent(value: PyPersistent, where: string, depth: number): PyValue | undefined {
    if (value.refersTo !== undefined) return this.convert(value.refersTo, where, depth)
    if (torchStorageOf(value)) return this.storages.refer(value)
    const type = calledBy(value)?.path
    this.notes.lose(where, type ?? 'a reference to what is not in the file')
    return type
  }

  private object(node: PyObject, where: string, depth: number): PyValue | undefined {
    const tensor = this.tensor(node, where, depth)
    if (tensor !== undefined) return tensor
    const bytes = bytesOf(node)
    if (bytes) return this.bytes(new PyBytes(bytes, calledBy(node.callable)?.path === 'builtins.bytearray'), where)
    const called = calledBy(node.callable)
    const made = calledOf(node)
    if (isModule(node)) return this.module(node, where, depth)
    if (called === undefined || called.verdict === 'dangerous') {
      this.notes.remove(where, called?.path ?? 'a call of what another call gives')
      return undefined
    }
    const type = made?.path ?? called.path
    if (made?.verdict === 'dangerous') {
      this.notes.remove(where, type)
      return undefined
    }
    if (node.callable instanceof PyGlobal && allowedByWeightsOnly(node.callable.module, node.callable.name)) {
      return this.same(node, where, depth)
    }
    const value = this.known(node, type, where, depth)
    if (value === undefined) this.notes.lose(where, `an object of ${type}, which has no plain form`)
    else this.notes.became(type, kindOf(value))
    return value
  }

  /** A tensor over the storage that it is a view of; one that is no plain view stays as it is said, if torch's loader takes it. */
  private tensor(node: PyObject, where: string, depth: number): PyValue | undefined {
    const found = torchTensorOf(node)
    const array = found ? undefined : numpyTensorOf(node)
    if (array) {
      this.notes.became(calledOf(node)?.path ?? 'numpy.ndarray', 'a tensor')
      return this.storages.array(array)
    }
    if (!found) return undefined
    const { callable } = node
    const allowed = callable instanceof PyGlobal && allowedByWeightsOnly(callable.module, callable.name)
    const [inner, flag] = sequenceOf(node.args) ?? []
    if (allowed && /^_rebuild_parameter/.test(callable.name) && inner instanceof PyObject) {
      const value = this.convert(inner, where, depth)
      const parameter = new PyGlobal('torch._utils', '_rebuild_parameter')
      const args = [value ?? null, flag === true, new PyObject(ORDERED_DICT, new PyTuple([]), 'reduce')]
      return new PyObject(parameter, new PyTuple(args), 'reduce')
    }
    const { sparse, quantized, conjugate, negate, hasData } = found
    if (sparse || quantized !== undefined || conjugate || negate || !hasData) {
      return allowed ? this.same(node, where, depth) : undefined
    }
    if (!allowed) this.notes.became(calledOf(node)?.path ?? 'a tensor subclass', 'a tensor')
    return this.storages.view(found)
  }

  /** The same call with plain values in it. */
  private same(node: PyObject, where: string, depth: number): PyObject {
    const args = this.convert(node.args, where, depth) ?? new PyTuple([])
    const copy = new PyObject(node.callable, args, node.how, node.kwargs)
    this.done.set(node, copy)
    if (node.state !== undefined) copy.state = this.convert(node.state, where, depth)
    if (node.hasEntries) this.fill(copy.entries, node.entries, where, depth)
    if (node.hasItems) copy.items.push(...this.items(node.items, where, depth))
    return copy
  }

  /** A module's state dict: names and tensors. Its code is in no checkpoint, its other attributes are of no use without. */
  private module(node: PyObject, where: string, depth: number): PyObject | undefined {
    const dict = new PyObject(ORDERED_DICT, new PyTuple([]), 'reduce')
    this.done.set(node, dict)
    for (const { path, value } of findTensors(node)) {
      const tensor = this.convert(value, within(where, path), depth)
      if (tensor !== undefined && path !== '') dict.entries.set(path, tensor)
    }
    const type = calledOf(node)?.path ?? calledBy(node.callable)?.path ?? 'a module'
    this.notes.became(type, 'its state dict')
    return dict
  }

  /** The plain form of an object of a harmless class. */
  private known(node: PyObject, type: string, where: string, depth: number): PyValue | undefined {
    const wrapped = wrappedIn(node)
    if (type === 'builtins.frozenset') return new PySet(this.items(sequenceOf(wrapped) ?? [], where, depth))
    if (wrapped !== undefined) return this.convert(wrapped, where, depth)
    if (SCALARS.test(type)) return scalarOf(node)
    const args = madeOf(node).args
    const bare = node.state === undefined && !node.hasItems && !node.hasEntries
    if (node.hasEntries || type === 'collections.defaultdict') {
      for (const key of attributesOf(node)) this.notes.lose(within(where, key), `an attribute of ${type}`)
      return this.dict(node, node.entries, where, depth)
    }
    if (node.hasItems || type === 'collections.deque') return this.list(node, node.items, where, depth)
    if (bare && args.length > 0) return this.ofArguments(node, type, args, where, depth)
    const fields = stateFields(node.state)
    if (fields) return this.dict(node, fields, where, depth)
    return node.state === undefined || node.state === null ? new PyDict() : undefined
  }

  /** A member of an enumeration is what it was made of, a named tuple a tuple. */
  private ofArguments(
    node: PyObject,
    type: string,
    args: readonly PyValue[],
    where: string,
    depth: number,
  ): PyValue | undefined {
    if (!isClassName(type)) return undefined
    const [only] = args
    if (node.how === 'reduce' && args.length === 1 && only !== undefined && !containerOf(only)) {
      return this.convert(only, where, depth)
    }
    return node.how === 'newobj' ? new PyTuple(this.items(args, where, depth)) : undefined
  }
}

const ORDERED_DICT = new PyGlobal('collections', 'OrderedDict')

/** Paths, dates and NumPy's scalars. */
const SCALARS = /^(pathlib(\._local)?\.\w+|datetime\.(datetime|date|timedelta)|numpy\.(_?core)\.multiarray\.scalar)$/

/** A text, or the number of a NumPy scalar with its kind: 1 and 1.0 stay apart. */
function scalarOf(node: PyObject): PyValue | undefined {
  const value = plainOf(node)
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value
  if (typeof value !== 'number') return undefined
  const [dtype] = sequenceOf(node.args) ?? []
  const code = dtype instanceof PyObject ? sequenceOf(dtype.args)?.[0] : undefined
  return typeof code === 'string' && /^f/.test(code) ? new PyFloat(value) : value
}

function calledOf(node: PyObject): ReturnType<typeof calledBy> {
  const called = calledBy(node.callable)
  const [type] = sequenceOf(node.args) ?? []
  const remade = called !== undefined && /^copyreg\.(_reconstructor|__newobj__)$/.test(called.path)
  return remade && type !== undefined ? calledBy(type) : called
}

/** A whole module keeps its tensors in `_parameters` (torch/nn/modules/module.py); one of TorchScript is of a class of its own. */
function isModule(node: PyObject): boolean {
  const called = calledBy(node.callable)
  if (called?.path.startsWith('__torch__.')) return true
  return node.state instanceof PyDict && node.state.entries.has('_parameters') && node.state.entries.has('_modules')
}

/** Fields beside the entries of a dict's subclass that are not entries as well. */
function attributesOf(node: PyObject): string[] {
  const keys = [...(stateFields(node.state)?.keys() ?? [])]
  return keys.filter((key): key is string => typeof key === 'string' && !node.entries.has(key) && !key.startsWith('_'))
}

/** As a key of a dict: lists and sets cannot be one. */
function hashable(key: PyValue): PyValue {
  return key instanceof PyList || key instanceof PySet ? new PyTuple(key.items) : key
}

function kindOf(value: PyValue): string {
  if (value === null) return 'None'
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'boolean':
      return 'bool'
    case 'object':
      return value.kind === 'object' ? 'dict' : value.kind
    default:
      return 'int'
  }
}

function within(where: string, key: PyValue): string {
  const name = key !== null && typeof key === 'object' ? key.kind : String(key)
  return where === '' ? name : `${where}.${name}`
}
