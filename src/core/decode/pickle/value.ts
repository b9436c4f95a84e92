/**
 * The inert Python value: what a pickle says, with nothing imported and nothing called.
 *
 * None, bool, str map to null, boolean, string. int is a number while it is a safe integer and a bigint beyond; float is
 * always a PyFloat, so that 1 and 1.0 stay apart when a pickle is written again. bytes and bytearray are PyBytes.
 * Values form a graph: shared and cyclic references are kept, so whoever walks one must remember where it has been.
 */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | PyBytes
  | PyList
  | PyTuple
  | PyDict
  | PySet
  | PyGlobal
  | PyObject
  | PyPersistent

export class PyFloat {
  readonly kind = 'float'
  constructor(readonly value: number) {}
}

export class PyBytes {
  readonly kind = 'bytes'
  constructor(
    readonly bytes: Uint8Array,
    readonly mutable = false,
  ) {}
}

export class PyList {
  readonly kind = 'list'
  constructor(readonly items: PyValue[] = []) {}
}

export class PyTuple {
  readonly kind = 'tuple'
  constructor(readonly items: readonly PyValue[]) {}
}

/** Insertion order is kept. Keys compare as JavaScript Map keys: equal strings and ints are one key, tuples are by identity. */
export class PyDict {
  readonly kind = 'dict'
  readonly entries = new Map<PyValue, PyValue>()
}

export class PySet {
  readonly kind = 'set'
  constructor(
    readonly items: PyValue[] = [],
    readonly frozen = false,
  ) {}
}

/** A class or function by name. Python 2 spellings (`__builtin__`, `copy_reg`) are kept as written. */
export class PyGlobal {
  readonly kind = 'global'
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
  /** `module.name`, with Python 2's `__builtin__` shown as `builtins`. */
  get path(): string {
    return `${this.module === '__builtin__' ? 'builtins' : this.module}.${this.name}`
  }
}

/** The record of a call or an instance that unpickling would have made, and of what would have been done to it since. */
export class PyObject {
  readonly kind = 'object'
  /** BUILD's argument, or undefined when there was no BUILD. */
  state: PyValue | undefined = undefined
  // Most objects of a state dict take neither: made when they are asked for.
  private listed: PyValue[] | undefined
  private mapped: Map<PyValue, PyValue> | undefined
  constructor(
    /** What is called or instantiated; usually a PyGlobal, in hostile files anything. */
    readonly callable: PyValue,
    readonly args: PyValue,
    readonly how: 'reduce' | 'newobj' | 'newobj-ex' | 'inst' | 'obj',
    readonly kwargs: PyValue | undefined = undefined,
  ) {}

  /** APPEND(S) and ADDITEMS applied to it. */
  get items(): PyValue[] {
    this.listed ??= []
    return this.listed
  }

  /** SETITEM(S) applied to it: the contents of an OrderedDict, a defaultdict ... */
  get entries(): Map<PyValue, PyValue> {
    this.mapped ??= new Map()
    return this.mapped
  }

  get hasItems(): boolean {
    return this.listed !== undefined && this.listed.length > 0
  }

  get hasEntries(): boolean {
    return this.mapped !== undefined && this.mapped.size > 0
  }
}

/** PERSID or BINPERSID: torch puts its storages there. */
export class PyPersistent {
  readonly kind = 'persistent'
  /** What it refers to, where the format keeps that apart from the pickle and its reader has put it here. */
  refersTo: PyValue | undefined = undefined
  constructor(readonly id: PyValue) {}
}

/** The number in an int or a float, undefined for anything else (and for ints beyond 2^53). */
export function asNumber(value: PyValue | undefined): number | undefined {
  if (typeof value === 'number') return value
  if (value instanceof PyFloat) return value.value
  return undefined
}

/** The entries of a dict, an OrderedDict, a defaultdict: anything that took SETITEMS. Undefined for what is no mapping. */
export function mappingOf(value: PyValue | undefined): Map<PyValue, PyValue> | undefined {
  if (value instanceof PyDict) return value.entries
  if (value instanceof PyObject && value.hasEntries) return value.entries
  if (isCallOf(value, 'collections', 'OrderedDict')) return pairsOf(value) ?? value.entries
  return isCallOf(value, 'collections', 'defaultdict') ? value.entries : undefined
}

const paired = new WeakMap<PyObject, Map<PyValue, PyValue>>()

/** Python 2 pickles an OrderedDict as a call with a list of [key, value]. */
function pairsOf(dict: PyObject): Map<PyValue, PyValue> | undefined {
  const known = paired.get(dict)
  const pairs = known ? undefined : sequenceOf(sequenceOf(dict.args)?.[0])
  if (known || !pairs || pairs.length === 0) return known
  const entries = new Map<PyValue, PyValue>()
  for (const pair of pairs) {
    const [key, value] = sequenceOf(pair) ?? []
    if (key === undefined || value === undefined) return undefined
    entries.set(key, value)
  }
  paired.set(dict, entries)
  return entries
}

/** The items of a list or tuple. */
export function sequenceOf(value: PyValue | undefined): readonly PyValue[] | undefined {
  return value instanceof PyList || value instanceof PyTuple ? value.items : undefined
}

/** Whether `value` records a call (or instance) of `module.name`. */
export function isCallOf(value: PyValue | undefined, module: string, name: string): value is PyObject {
  return (
    value instanceof PyObject &&
    value.callable instanceof PyGlobal &&
    value.callable.module === module &&
    value.callable.name === name
  )
}
