import type { StateFile } from '../checkpoint/checkpoint'
import { namedTensors } from '../checkpoint/files/tensors'
import { sectionsIn } from '../checkpoint/sections'
import { contiguousStrides, sameShape, type Tensor } from '../checkpoint/tensor'
import { type FoundTensor, torchStorageOf } from '../decode/pickle/torch'
import { mappingOf, PyDict, PyGlobal, PyList, PyObject, PyTuple, type PyValue } from '../decode/pickle/value'
import { containerOf, type PyContainer, partsOf } from '../decode/pickle/walk'
import { AssayError } from '../errors'
import { cleaner } from '../verify/shapes/clean-names'
import type { OutputTensor } from '../write/output'
import { tensorValue } from '../write/torch-zip'
import { isUntouched, outputFor, type PlannedTensor } from './changes'
import type { NewEntry } from './steps'

/** A storage that the edited pickle refers to and that no record of the file holds. */
export interface NewStorage {
  readonly key: string
  readonly values: OutputTensor
}

/**
 * Edits the decoded pickle of a torch file, in place, so that it says what is planned: names, shapes and storages of the
 * tensors change, those that are not planned go, everything else in it stays; `kept` are tensors that are not planned and
 * stay, `entries` are put into the dict that it is. `root` must be a private copy, decoded for this. Returns the storages to add.
 *
 * Throws `file/changed` when the pickle does not hold the tensors of `file`, and `target/not-rewritable` when a tensor sits where
 * it cannot be exchanged (in a tuple, in the arguments of a call).
 */
export function editPickle(
  root: PyValue,
  file: StateFile,
  planned: readonly PlannedTensor[],
  { kept = [], entries = [] }: { readonly kept?: readonly Tensor[]; readonly entries?: readonly NewEntry[] } = {},
): NewStorage[] {
  const found = foundIn(root, file)
  const slots = slotsOf(root, new Set(found.map(({ value }) => value)))
  const added: NewStorage[] = []
  const taken = new Set([...walk(root)].flatMap((each) => torchStorageOf(each)?.key ?? []))
  for (const { stored } of entries) for (const { key } of stored) taken.add(key)
  const store = (values: OutputTensor): string => {
    let key = taken.size
    while (taken.has(String(key))) key++
    taken.add(String(key))
    added.push({ key: String(key), values })
    return String(key)
  }

  const foundOf = new Map(file.tensors.map((tensor, i) => [tensor, found[i]]))
  const ofValues = new Map<Tensor, { plan: PlannedTensor; value: PyValue }>()
  /** What stands for the values already, in the same form: then the two become one, and their values are stored once. */
  const standing = (plan: PlannedTensor): PyValue | undefined => {
    const other = plans.get(plan.values)
    const own = other && isUntouched(other) ? { plan: other, value: foundOf.get(plan.values)?.value } : undefined
    const known = own ?? ofValues.get(plan.values)
    return known && known.plan.dtype === plan.dtype && sameShape(known.plan.shape, plan.shape) ? known.value : undefined
  }
  const made = new Map<PyValue, { plan: PlannedTensor; value: PyValue }>()
  const plans = new Map(planned.map((plan) => [plan.was, plan]))
  file.tensors.forEach((tensor, i) => {
    const plan = plans.get(tensor)
    const at = found[i]
    if (!plan || !at || isUntouched(plan)) return
    const places = placesOf(tensor, slots.get(at.value) ?? [])
    if (places.length === 0) throw notRewritable(tensor, 'it does not lie in a dict or a list')
    if (plan.values !== tensor || !sameShape(plan.shape, tensor.shape)) {
      const twin = made.get(at.value)
      const shared = plan.values === tensor ? undefined : standing(plan)
      const value = twin && isAlike(twin.plan, plan) ? twin.value : (shared ?? replaced(at, plan, tensor, store))
      made.set(at.value, { plan, value })
      if (plan.values !== tensor) ofValues.set(plan.values, { plan, value })
      for (const place of places) place.set(value)
    }
    if (plan.name !== tensor.name) renameIn(places, tensor, plan.name)
  })
  renameModules(root, planned)

  const lost = file.tensors.flatMap((tensor, i) => {
    const at = found[i]
    return at && !plans.has(tensor) && !kept.includes(tensor) ? [{ tensor, slots: slots.get(at.value) ?? [] }] : []
  })
  removeFrom(root, lost)

  const home = file.tensors.findIndex(({ component }) => component === 'weights' || component === 'adapter')
  for (const plan of planned) {
    const { name, dtype, shape, was } = plan
    if (was) continue
    const place = slots.get(found[home]?.value ?? null)?.[0]
    const prefix = place?.prefixIn(file.tensors[home]?.name ?? '')
    if (!place?.entries || prefix === undefined || !name.startsWith(prefix))
      throw new AssayError('target/not-rewritable', `${file.path}: there is no dict to put ${name} into`)
    place.entries.set(name.slice(prefix.length), tensorValue(dtype, shape, store(outputFor(plan))))
  }
  return [...added, ...putEntries(root, file, entries)]
}

/**
 * Takes tensors out of their dicts and lists. The state that an optimizer keeps of a parameter goes as a whole: without one of its
 * tensors no optimizer can use the others.
 */
function removeFrom(root: PyValue, lost: readonly { tensor: Tensor; slots: readonly Slot[] }[]): void {
  const states = new Set<Map<PyValue, PyValue>>()
  for (const { tensor, slots } of lost) {
    const places = placesOf(tensor, slots)
    if (places.length === 0 || !places.every(({ remove }) => remove))
      throw notRewritable(tensor, 'it does not lie in a dict or a list')
    for (const { entries, remove } of places) {
      remove?.()
      if (entries && parameterStateOf(tensor) !== undefined) states.add(entries)
    }
  }
  if (states.size === 0) return
  const owners = new Set([...walk(root)].filter((each) => each instanceof PyDict && states.has(each.entries)))
  for (const [, slots] of slotsOf(root, owners)) for (const slot of slots) slot.remove?.()
}

/** Of a tensor in the state of an optimizer the name of the parameter's whole state: `state.3` of `state.3.exp_avg` and of `state.3.old_dirs.7`. */
export function parameterStateOf({ name, component }: Tensor): string | undefined {
  return component === 'optimizer' ? /^((?:.*\.)?state\.[^.]+)\..+$/.exec(name)?.[1] : undefined
}

/** Throws `target/not-rewritable` where the file is no dict. */
function putEntries(root: PyValue, { path }: StateFile, entries: readonly NewEntry[]): NewStorage[] {
  const dict = mappingOf(root)
  if (!dict && entries.length > 0)
    throw new AssayError('target/not-rewritable', `${path} is no dict that anything could be put into`, { file: path })
  for (const { key, value } of entries) dict?.set(key, value)
  return entries.flatMap(({ stored }) => stored)
}

/** Keys of the storages that a value refers to, in the order in which pickling meets them. */
export function storageKeys(root: PyValue): Set<string> {
  const keys = new Set<string>()
  for (const value of walk(root)) {
    const storage = torchStorageOf(value)
    if (storage) keys.add(storage.key)
  }
  return keys
}

/** The tensors of the pickle in the order of the file's own list. */
function foundIn(root: PyValue, file: StateFile): FoundTensor[] {
  const component = file.tensors.some((tensor) => tensor.component === 'adapter') ? 'adapter' : 'weights'
  const found = [...namedTensors(sectionsIn(root, component))]
  const same = (at: FoundTensor, i: number) => {
    const tensor = file.tensors[i]
    return tensor !== undefined && tensor.dtype === at.tensor.dtype && sameShape(tensor.shape, at.tensor.shape)
  }
  if (found.length === file.tensors.length && found.every(same)) return found
  throw new AssayError('file/changed', `${file.path} does not hold the tensors any more that it was opened with`, {
    file: file.path,
    hint: 'Open the checkpoint again',
  })
}

/** A place in the graph that a value sits in. */
interface Slot {
  set(value: PyValue): void
  /** Takes it out of a dict or a list. */
  remove?(): void
  /** The dict it is in, where it is in one under a text. */
  readonly entries?: Map<PyValue, PyValue>
  readonly key?: string
  /** What stands before the key in the tensor's full name, if the name ends with the key. */
  prefixIn(name: string): string | undefined
}

/** Where the tensor sits; of a value that sits in several places, those that go by the tensor's name, if any does. */
function placesOf({ name }: Tensor, slots: readonly Slot[]): readonly Slot[] {
  const own = slots.filter((slot) => slot.prefixIn(name) !== undefined)
  return own.length > 0 ? own : slots
}

/** Whether one value may stand for two tensors that were one before. */
function isAlike(a: PlannedTensor, b: PlannedTensor): boolean {
  const sameValues = a.values === b.values || (a.values === a.was && b.values === b.was)
  return sameValues && sameShape(a.shape, b.shape)
}

function slotsOf(root: PyValue, wanted: ReadonlySet<PyValue>): Map<PyValue, Slot[]> {
  const slots = new Map<PyValue, Slot[]>()
  const put = (value: PyValue, slot: Slot) => {
    const known = slots.get(value)
    if (known) known.push(slot)
    else slots.set(value, [slot])
  }
  for (const value of walk(root)) {
    if (value instanceof PyDict || value instanceof PyObject) {
      for (const [key, each] of value.entries) if (wanted.has(each)) put(each, entrySlot(value.entries, key))
    }
    if (value instanceof PyList || value instanceof PyObject) {
      const { items } = value
      items.forEach((each, i) => {
        if (wanted.has(each)) put(each, itemSlot(items, i))
      })
    }
  }
  return slots
}

/** What is lost leaves None behind: what comes after it keeps its place. */
function itemSlot(items: PyValue[], i: number): Slot {
  const set = (value: PyValue) => items.splice(i, 1, value)
  return { set, remove: () => void set(null), prefixIn: () => undefined }
}

function entrySlot(entries: Map<PyValue, PyValue>, key: PyValue): Slot {
  const set = (value: PyValue) => entries.set(key, value)
  const remove = () => void entries.delete(key)
  if (typeof key !== 'string') return { set, remove, prefixIn: () => undefined }
  const prefixIn = (name: string) =>
    name === key || name.endsWith(`.${key}`) ? name.slice(0, name.length - key.length) : undefined
  return { set, remove, entries, key, prefixIn }
}

function renameIn(places: readonly Slot[], tensor: Tensor, name: string): void {
  for (const { entries, key, prefixIn } of places) {
    const prefix = prefixIn(tensor.name)
    if (!entries || prefix === undefined || !name.startsWith(prefix)) continue
    const renamed = [...entries].map(
      ([each, value]) => [each === key ? name.slice(prefix.length) : each, value] as const,
    )
    entries.clear()
    for (const [each, value] of renamed) entries.set(each, value)
    return
  }
  throw notRewritable(tensor, 'its name is not a key in a dict')
}

/** `state_dict()._metadata` lists modules by name (torch/nn/modules/module.py); they are renamed with their tensors. */
function renameModules(root: PyValue, planned: readonly PlannedTensor[]): void {
  if (planned.every(({ was, name }) => was === undefined || was.name === name)) return
  const clean = cleaner(planned.flatMap(({ was }) => (was && was.component !== 'optimizer' ? [was.name] : [])))
  for (const value of walk(root)) {
    const metadata = value instanceof PyObject ? mappingOf(mappingOf(value.state)?.get('_metadata')) : undefined
    if (!metadata) continue
    const renamed = [...metadata].map(([key, each]) => [typeof key === 'string' ? ofModule(key) : key, each] as const)
    metadata.clear()
    for (const [key, each] of renamed) metadata.set(key, each)
  }

  function ofModule(path: string): string {
    const child = clean(path === '' ? 'x' : `${path}.x`)
    return child.slice(0, Math.max(0, child.length - 2))
  }
}

/** The tensor's value with its new shape over the same storage, or over a storage of its own where it needs one. */
function replaced(
  { value }: FoundTensor,
  plan: PlannedTensor,
  tensor: Tensor,
  store: (values: OutputTensor) => string,
): PyValue {
  const step = plan.values === tensor ? stepOf(tensor) : undefined
  const view = step === undefined ? undefined : reviewed(value, plan.shape, step)
  if (view) return view
  const fresh = tensorValue(plan.dtype, plan.shape, store(outputFor(plan)), tensor.requiresGrad)
  return value instanceof PyObject && isParameter(value) ? withTensor(value, fresh) : fresh
}

/** Distance, in elements, between values that follow one another, if it is the same throughout. */
function stepOf({ blocks, shape }: Tensor): number | undefined {
  const [block] = blocks
  if (!block || blocks.length > 1) return undefined
  const step = block.strides.at(-1) ?? 1
  const even = contiguousStrides(shape).every((stride, i) => shape[i] === 1 || block.strides[i] === stride * step)
  return even ? step : undefined
}

/** The same call with another size and stride: `_rebuild_tensor*(storage, offset, size, stride, ...)`, or a parameter of one. */
function reviewed(value: PyValue, shape: readonly number[], step: number): PyObject | undefined {
  if (!(value instanceof PyObject) || !(value.args instanceof PyTuple)) return undefined
  const { items } = value.args
  if (isParameter(value)) {
    const inner = reviewed(items[0] ?? null, shape, step)
    return inner && withTensor(value, inner)
  }
  if (!isCalled(value, /^_rebuild_tensor(_v[23])?$/)) return undefined
  const strides = contiguousStrides(shape).map((stride) => stride * step)
  return withArgs(value, [...items.slice(0, 2), new PyTuple(shape), new PyTuple(strides), ...items.slice(4)])
}

function isParameter(value: PyObject): boolean {
  return isCalled(value, /^_rebuild_parameter(_with_state)?$/)
}

function isCalled({ callable }: PyObject, name: RegExp): boolean {
  return callable instanceof PyGlobal && callable.module === 'torch._utils' && name.test(callable.name)
}

function withTensor(parameter: PyObject, tensor: PyValue): PyObject {
  const args = parameter.args instanceof PyTuple ? parameter.args.items : []
  return withArgs(parameter, [tensor, ...args.slice(1)])
}

function withArgs(call: PyObject, args: readonly PyValue[]): PyObject {
  const other = new PyObject(call.callable, new PyTuple(args), call.how, call.kwargs)
  other.state = call.state
  return other
}

/** Every container in a value, each once, parents before what they hold. */
export function* walk(root: PyValue): Generator<PyContainer> {
  const seen = new Set<PyContainer>()
  const ahead: PyValue[] = [root]
  for (let value = ahead.pop(); value !== undefined; value = ahead.pop()) {
    const node = containerOf(value)
    if (!node || seen.has(node)) continue
    seen.add(node)
    yield node
    for (const part of [...partsOf(node)].reverse()) ahead.push(part)
  }
}

function notRewritable({ name, file }: Tensor, why: string): AssayError {
  return new AssayError('target/not-rewritable', `${file}: ${name} cannot be exchanged, because ${why}`, {
    file,
    hint: 'Export the weights instead',
  })
}
