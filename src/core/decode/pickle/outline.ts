import { allowedByWeightsOnly, canonicalPath } from './globals'
import { plainOf, wrappedIn } from './plain-of'
import { torchTensorOf } from './torch-tensor'
import { PyBytes, PyDict, PyFloat, PyGlobal, PyObject, PyPersistent, type PyValue } from './value'
import { containerOf, type PyContainer, partsOf } from './walk'

/** One node of the object tree of a pickle, as a person reads it. */
export interface OutlineNode {
  /** Key in its dict, index in its list, or `args`, `kwargs`, `state`: what Python would call the part. */
  readonly key: string
  readonly kind:
    | 'none'
    | 'bool'
    | 'int'
    | 'float'
    | 'str'
    | 'bytes'
    | 'list'
    | 'tuple'
    | 'dict'
    | 'set'
    | 'global'
    | 'object'
    | 'storage'
    | 'tensor'
  /** The value, or what it is and how much of it. */
  readonly text: string
  /** Class or function that unpickling would import for it. */
  readonly global?: string
  /** Whether `torch.load(weights_only=True)` refuses that import. */
  readonly refused?: boolean
  /** Parts below it. */
  readonly children: number
}

type Child = readonly [key: string, value: PyValue]

const LONGEST_TEXT = 240

/**
 * The node at a path of child positions from the root, and the children from `offset` on, at most `limit`. Nothing is walked
 * but the path, so cycles and shared parts are shown as far as they are opened. Undefined when the path leads nowhere.
 */
export function outlineAt(
  root: PyValue,
  path: readonly number[],
  offset: number,
  limit: number,
): { readonly node: OutlineNode; readonly children: OutlineNode[] } | undefined {
  let here: Child = ['', root]
  for (const position of path) {
    const next = childrenOf(here[1])[position]
    if (next === undefined) return undefined
    here = next
  }
  const children = childrenOf(here[1]).slice(offset, offset + limit)
  return { node: nodeOf(here), children: children.map(nodeOf) }
}

function nodeOf([key, value]: Child): OutlineNode {
  const global = globalOf(value)
  const { kind, text } = describe(value)
  return {
    key,
    kind,
    text: text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text,
    children: childCount(value),
    ...(global && { global: global.path, refused: !allowedByWeightsOnly(global.module, global.name) }),
  }
}

function globalOf(value: PyValue): PyGlobal | undefined {
  if (value instanceof PyGlobal) return value
  return value instanceof PyObject && value.callable instanceof PyGlobal ? value.callable : undefined
}

function describe(value: PyValue): Pick<OutlineNode, 'kind' | 'text'> {
  if (value === null) return { kind: 'none', text: 'None' }
  if (typeof value === 'boolean') return { kind: 'bool', text: value ? 'True' : 'False' }
  if (typeof value === 'number' || typeof value === 'bigint') return { kind: 'int', text: String(value) }
  if (typeof value === 'string') return { kind: 'str', text: JSON.stringify(value.slice(0, LONGEST_TEXT + 1)) }
  if (value instanceof PyFloat) return { kind: 'float', text: floatText(value.value) }
  if (value instanceof PyBytes) return { kind: 'bytes', text: `${value.bytes.length} bytes` }
  if (value instanceof PyGlobal) return { kind: 'global', text: value.path }
  if (value instanceof PyPersistent) return { kind: 'storage', text: short(value) }
  if (value instanceof PyObject) return describeObject(value)
  if (value instanceof PyDict) return { kind: 'dict', text: count(value.entries.size, 'entry', 'entries') }
  return { kind: value.kind, text: count(value.items.length, 'item', 'items') }
}

function describeObject(value: PyObject): Pick<OutlineNode, 'kind' | 'text'> {
  const tensor = torchTensorOf(value)
  if (tensor) return { kind: 'tensor', text: `${tensor.dtype} [${tensor.shape.join(', ')}]` }
  const wrapped = wrappedIn(value)
  if (wrapped !== undefined) return describe(wrapped)
  if (value.hasEntries) return { kind: 'dict', text: count(value.entries.size, 'entry', 'entries') }
  const plain = plainOf(value, { depth: 1, values: 4 })
  return { kind: 'object', text: typeof plain === 'object' && plain !== null ? '' : String(plain) }
}

/** What is below a value. The fields of an object come straight below it; a wrapping shows what it wraps. */
function childrenOf(value: PyValue): readonly Child[] {
  const container = containerOf(value)
  if (container === undefined) return []
  if (container instanceof PyDict) return [...container.entries].map(([key, item]) => [short(key), item])
  if (container instanceof PyPersistent) return childrenOf(container.id)
  if (!(container instanceof PyObject)) return container.items.map((item, i) => [String(i), item])
  const wrapped = wrappedIn(container)
  return wrapped === undefined ? objectParts(container) : childrenOf(wrapped)
}

/** How many `childrenOf` has, without making them: a dict may have a million. */
function childCount(value: PyValue): number {
  const container = containerOf(value)
  if (container === undefined) return 0
  if (container instanceof PyDict) return container.entries.size
  if (container instanceof PyPersistent) return childCount(container.id)
  if (!(container instanceof PyObject)) return container.items.length
  const wrapped = wrappedIn(container)
  return wrapped === undefined ? objectParts(container).length : childCount(wrapped)
}

function objectParts(object: PyObject): Child[] {
  const parts: Child[] = []
  if (!(object.callable instanceof PyGlobal)) parts.push(['callable', object.callable])
  if (childCount(object.args) > 0) parts.push(['args', object.args])
  if (object.kwargs !== undefined) parts.push(['kwargs', object.kwargs])
  if (object.hasItems) for (const [i, item] of object.items.entries()) parts.push([String(i), item])
  if (object.hasEntries) for (const [key, item] of object.entries) parts.push([short(key), item])
  if (object.state instanceof PyDict) for (const child of childrenOf(object.state)) parts.push(child)
  else if (object.state !== undefined) parts.push(['state', object.state])
  return parts
}

function short(value: PyValue): string {
  if (typeof value === 'string') return value
  const plain = plainOf(value, { depth: 3, values: 16 })
  return typeof plain === 'object' && plain !== null
    ? JSON.stringify(plain, (_, part) => (typeof part === 'bigint' ? String(part) : part))
    : String(plain)
}

function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`
}

/** A global that `torch.load(weights_only=True)` refuses, and where in the tree it is asked for first. */
export interface Refusal {
  readonly module: string
  readonly name: string
  /** Keys from the root to the nearest node that the outline shows; empty for the root itself. */
  readonly where: readonly string[]
  /** The same as child positions. */
  readonly path: readonly number[]
}

/** Values looked at before the search for places gives up. */
const MOST_VISITED = 500_000

/**
 * What the default loader of torch (since 2.6) refuses in a pickle, each with the place that asks for it first. Breadth
 * first, so the place is the one nearest to the root; every shared part is looked at once.
 */
export function refusalsIn(root: PyValue): Refusal[] {
  const found = new Map<string, Refusal>()
  const seen = new Set<PyContainer>()
  const queue: { value: PyValue; place: Place }[] = [{ value: root, place: new Place(root) }]
  for (let i = 0; i < queue.length && i < MOST_VISITED; i++) {
    const { value, place } = queue[i] as (typeof queue)[number]
    const global = globalOf(value)
    const path = global && canonicalPath(global.module, global.name)
    if (global && path !== undefined && !found.has(path) && !allowedByWeightsOnly(global.module, global.name)) {
      found.set(path, { module: global.module, name: global.name, ...place.trail() })
    }
    const container = containerOf(value)
    if (container === undefined || seen.has(container)) continue
    seen.add(container)
    for (const part of partsOf(container)) {
      if (part !== null && typeof part === 'object') queue.push({ value: part, place: place.of(part) })
    }
  }
  return [...found.values()]
}

/** A node that the outline shows. What is hidden in it (what a wrapping says of itself, keys) has its place there too. */
class Place {
  #children: Map<PyValue, { key: string; position: number }> | undefined

  constructor(
    private readonly value: PyValue,
    readonly step?: { readonly above: Place; readonly key: string; readonly position: number },
  ) {}

  /** The place of something in this node: its own where it is shown as a child. */
  of(part: PyValue): Place {
    this.#children ??= new Map(childrenOf(this.value).map(([key, child], position) => [child, { key, position }]))
    const child = this.#children.get(part)
    return child ? new Place(part, { above: this, ...child }) : this
  }

  trail(): Pick<Refusal, 'where' | 'path'> {
    const where: string[] = []
    const path: number[] = []
    for (let { step } = this as Place; step; { step } = step.above) {
      where.push(step.key)
      path.push(step.position)
    }
    return { where: where.reverse(), path: path.reverse() }
  }
}
