import type { Plain } from '../plain'
import { bytesOf } from './calls'
import { numpyArrayText, numpyScalarOf } from './numpy'
import { stateFields } from './state-fields'
import { torchTensorOf } from './torch-tensor'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyTuple,
  type PyValue,
  sequenceOf,
} from './value'
import { containerOf, type PyContainer } from './walk'

export interface PlainLimits {
  /** Levels of lists and objects in the result. Default 64. */
  readonly depth?: number
  /** Values in the result. Default 200,000. */
  readonly values?: number
}

/** Stands where something was left out for the limits. */
const LEFT_OUT = '…'
const CYCLE = '(refers to itself)'

/**
 * A value as JSON would have it, for showing and searching. Tensors and arrays become short texts (`tensor float32 [64, 32]`),
 * classes their dotted names; OmegaConf's nodes, `argparse.Namespace`, enumerations and NumPy scalars become what they hold;
 * any other object becomes `{"<module.Name>": its fields}`. Cycles end in a text, and so does what goes beyond the limits.
 */
export function plainOf(value: PyValue, limits: PlainLimits = {}): Plain {
  return new Converter(limits.depth ?? 64, limits.values ?? 200_000).plain(value, 0)
}

class Converter {
  private readonly open = new Set<PyContainer>()

  constructor(
    private readonly depth: number,
    private values: number,
  ) {}

  plain(value: PyValue, depth: number): Plain {
    if (--this.values < 0) return LEFT_OUT
    if (value === null || typeof value !== 'object') return value
    if (value instanceof PyFloat) return value.value
    if (value instanceof PyGlobal) return value.path
    if (value instanceof PyBytes) return `bytes [${value.bytes.length}]`
    const node = containerOf(value) as PyContainer
    if (this.open.has(node)) return CYCLE
    if (depth >= this.depth) return LEFT_OUT
    this.open.add(node)
    const result = this.container(node, depth + 1)
    this.open.delete(node)
    return result
  }

  private container(node: PyContainer, depth: number): Plain {
    if (node instanceof PyDict) return this.fields(node.entries, depth)
    if (node instanceof PyPersistent) return { '<persistent>': this.plain(node.id, depth) }
    return node instanceof PyObject ? this.object(node, depth) : this.list(node.items, depth)
  }

  private object(node: PyObject, depth: number): Plain {
    const tensor = torchTensorOf(node)
    if (tensor !== undefined) return `tensor ${tensor.dtype} [${tensor.shape.join(', ')}]`
    const { path, args } = madeOf(node)
    const known = KNOWN.get(path)?.(node, args)
    if (known !== undefined) return known
    const held = heldBy(node, path, args)
    if (held !== undefined) return this.plain(held, depth - 1)
    if (MAPPINGS.has(path) || MAPPINGS.has(lastName(path))) return this.fields(node.entries, depth)
    if (path === 'collections.deque') return this.list(node.items, depth)
    return this.unknown(node, path, args, depth)
  }

  private unknown(node: PyObject, path: string, args: readonly PyValue[], depth: number): Plain {
    const [only] = args
    const bare = node.state === undefined && !node.hasItems && !node.hasEntries
    // An enumeration's member, or a class that wraps one primitive.
    if (bare && args.length === 1 && node.how === 'reduce' && only !== undefined && !isContainer(only)) {
      return this.plain(only, depth)
    }
    const state = stateFields(node.state)
    const inner =
      state !== undefined
        ? this.fields(state, depth)
        : node.state !== undefined && node.state !== null
          ? this.plain(node.state, depth)
          : node.hasEntries
            ? this.fields(node.entries, depth)
            : this.list(node.hasItems ? node.items : args, depth)
    const result: { [key: string]: Plain } = Object.create(null)
    result[`<${path}>`] = inner
    return result
  }

  private list(items: readonly PyValue[], depth: number): Plain[] {
    const result: Plain[] = []
    for (const item of items) {
      result.push(this.plain(item, depth))
      if (this.values < 0) break
    }
    return result
  }

  private fields(entries: ReadonlyMap<PyValue, PyValue>, depth: number): { [key: string]: Plain } {
    const result: { [key: string]: Plain } = Object.create(null)
    for (const [key, value] of entries) {
      result[keyText(key)] = this.plain(value, depth)
      if (this.values < 0) break
    }
    return result
  }
}

/** Classes whose SETITEMS are all there is to them. */
const MAPPINGS = new Set(['collections.OrderedDict', 'collections.defaultdict', 'AttributeDict'])

/** Values that have a short text or one plain value of their own. */
const KNOWN = new Map<string, (node: PyObject, args: readonly PyValue[]) => Plain | undefined>([
  ['torch.device', (_, args) => args.filter((part) => typeof part !== 'object').join(':')],
  ['builtins.complex', (_, args) => `${numberText(args[0])} + ${numberText(args[1])}j`],
  ['builtins.range', (_, args) => `range(${args.map(numberText).join(', ')})`],
  ['builtins.slice', (_, args) => `slice(${args.map(numberText).join(', ')})`],
  ['builtins.getattr', (_, args) => (args[0] instanceof PyGlobal ? `${args[0].path}.${String(args[1])}` : undefined)],
  ['_codecs.encode', bytesText],
  ['builtins.bytes', bytesText],
  ['builtins.bytearray', bytesText],
  ...['numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar'].map((path) => [path, numpyScalarOf] as const),
  ...[
    'numpy.core.multiarray._reconstruct',
    'numpy._core.multiarray._reconstruct',
    'numpy.core.numeric._frombuffer',
    'numpy._core.numeric._frombuffer',
  ].map((path) => [path, numpyArrayText] as const),
  ...['pathlib', 'pathlib._local'].flatMap((module) => [
    ...['PosixPath', 'PurePosixPath', 'Path', 'PurePath'].map((name) => [`${module}.${name}`, posixPath] as const),
    ...['WindowsPath', 'PureWindowsPath'].map((name) => [`${module}.${name}`, windowsPath] as const),
  ]),
  ['datetime.datetime', dateText],
  ['datetime.date', dateText],
  ['datetime.timedelta', (_, args) => `${numberText(args[0])} days ${numberText(args[1])} s`],
])

/** What an object is made of. Protocols 0 and 1 make instances by `_reconstructor(class, base, state of the base)`. */
export function madeOf(node: PyObject): { readonly path: string; readonly args: readonly PyValue[] } {
  const args = sequenceOf(node.args) ?? []
  const path = node.callable instanceof PyGlobal ? node.callable.path : '?'
  const [type] = args
  if (!/^copy_?reg\._reconstructor$/.test(path) || !(type instanceof PyGlobal)) return { path, args }
  return { path: type.path, args: args[2] === null ? [] : args.slice(2) }
}

/** The one value an object is a wrapping of, if it is one: OmegaConf's nodes, a Namespace, `set([...])`. */
export function wrappedIn(node: PyObject): PyValue | undefined {
  const { path, args } = madeOf(node)
  return heldBy(node, path, args)
}

function heldBy(node: PyObject, path: string, args: readonly PyValue[]): PyValue | undefined {
  switch (path) {
    case 'torch.Size':
    case 'collections.Counter':
    case 'builtins.set':
    case 'builtins.frozenset':
    case 'builtins.list':
    case 'builtins.dict':
    case 'builtins.tuple':
      return args[0] ?? new PyTuple([])
    case 'argparse.Namespace':
    case 'types.SimpleNamespace':
      return node.state ?? new PyDict()
    case 'omegaconf.dictconfig.DictConfig':
    case 'omegaconf.listconfig.ListConfig':
      return field(node, '_content') ?? null
    default:
      return /^omegaconf\.(nodes|base)\.\w*Node$/.test(path) ? (field(node, '_val') ?? null) : undefined
  }
}

function field(node: PyObject, name: string): PyValue | undefined {
  return stateFields(node.state)?.get(name)
}

function isContainer(value: PyValue): boolean {
  return containerOf(value) !== undefined
}

function keyText(key: PyValue): string {
  if (key instanceof PyFloat) return String(key.value)
  if (key instanceof PyGlobal) return key.path
  if (key instanceof PyTuple || key instanceof PyList) return `(${key.items.map(shortText).join(', ')})`
  return shortText(key)
}

function shortText(value: PyValue): string {
  if (value instanceof PyFloat) return String(value.value)
  if (value instanceof PyGlobal) return value.path
  return value !== null && typeof value === 'object' ? value.kind : String(value)
}

function numberText(value: PyValue | undefined): string {
  return value === undefined ? '0' : shortText(value)
}

function bytesText(node: PyObject): string | undefined {
  const bytes = bytesOf(node)
  return bytes && `bytes [${bytes.length}]`
}

function posixPath(_: PyObject, args: readonly PyValue[]): string {
  return args.map(String).join('/').replace(/^\/\//, '/')
}

function windowsPath(_: PyObject, args: readonly PyValue[]): string {
  return args
    .map(String)
    .join('\\')
    .replace(/^([A-Za-z]:\\)\\/, '$1')
}

/** `datetime` and `date` pickle as 10 and 4 bytes: year (big endian), month, day, hour, minute, second, microseconds. */
function dateText(_: PyObject, args: readonly PyValue[]): string | undefined {
  const bytes = bytesOf(args[0])
  if (bytes === undefined || (bytes.length !== 10 && bytes.length !== 4)) return undefined
  const [y1, y2, month, day, ...time] = bytes
  const two = (n: number | undefined) => String(n ?? 0).padStart(2, '0')
  const date = `${String((y1 ?? 0) * 256 + (y2 ?? 0)).padStart(4, '0')}-${two((month ?? 0) & 127)}-${two(day)}`
  return bytes.length === 4 ? date : `${date} ${time.slice(0, 3).map(two).join(':')}`
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}
