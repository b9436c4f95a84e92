import { verdictOf } from './globals'
import type { PickleState } from './state'
import { latin1, latin1Bytes } from './text'
import { PyBytes, PyGlobal, PyObject, PyTuple, type PyValue } from './value'

/** Classes in classes in classes ... */
const NESTED_CLASSES = 8

/**
 * Two functions are found in honest files and are dangerous all the same, so each use of them is looked at:
 * `getattr`, by which protocol 2 names a nested class (`Outer.Inner`), and `torch.storage._load_from_bytes`, by which plain
 * pickle stores a tensor as a torch file inside the pickle. A use that is no such call leaves them dangerous.
 */
export function observeCall(s: PickleState, call: PyObject): void {
  const { callable, args } = call
  if (callable instanceof PyGlobal && callable.name === 'encode') collectEncoded(s, call)
  if (!s.isVetted(callable) || call.how !== 'reduce' || !(args instanceof PyTuple)) return
  if (callable.name === 'getattr') {
    const path = nestedPath(call)
    if (path === undefined) return
    s.global(path.module, path.name)
    s.approve(callable)
  } else {
    s.charge(lengthOfText(args.items[0]))
    const bytes = bytesOf(args.items[0])
    if (bytes === undefined) return
    s.embed(bytes, true)
    if (args.items.length === 1 && isLegacyTorch(bytes)) s.approve(callable)
  }
}

/** BUILD on a class or module would change the class itself, for everything that uses it. */
export function observeBuild(s: PickleState, target: PyValue): void {
  if (target instanceof PyGlobal) s.condemn(target)
}

/** `bytes` in any spelling a pickle has for them, protocol 2's detour through text included. Undefined for other values. */
export function bytesOf(value: PyValue | undefined): Uint8Array | undefined {
  if (value instanceof PyBytes) return value.bytes
  if (!(value instanceof PyObject) || !(value.callable instanceof PyGlobal) || !(value.args instanceof PyTuple))
    return undefined
  const { path } = value.callable
  if (path !== '_codecs.encode' && path !== 'builtins.bytes' && path !== 'builtins.bytearray') return undefined
  const [content, encoding] = value.args.items
  if (typeof content === 'string') return /^latin-?1$/.test(String(encoding)) ? latin1Bytes(content) : undefined
  if (content instanceof PyBytes) return content.bytes
  return content === undefined ? new Uint8Array(0) : undefined
}

/** Protocol 2 and later begin with PROTO. */
export function beginsLikePickle(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x80 && (bytes[1] as number) <= 5
}

/** PROTO 2 and the LONG1 0x1950a86a20f9469cfc6c (torch/serialization.py, MAGIC_NUMBER). */
const LEGACY_MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]

/** What tensors pickle themselves as. torch.load would take a zip or a tar in its place, and what is in those. */
function isLegacyTorch(bytes: Uint8Array): boolean {
  const isTar = latin1(bytes, Math.min(257, bytes.length), Math.min(262, bytes.length)) === 'ustar'
  return !isTar && LEGACY_MAGIC.every((byte, i) => bytes[i] === byte)
}

function collectEncoded(s: PickleState, call: PyObject): void {
  const text = call.args instanceof PyTuple ? call.args.items[0] : undefined
  if (typeof text !== 'string' || text.charCodeAt(0) !== 0x80 || text.charCodeAt(1) > 5) return
  s.charge(text.length)
  const bytes = bytesOf(call)
  if (bytes !== undefined) s.embed(bytes, false)
}

/** The class that `getattr(Outer, 'Inner')` names, when it names one: plain identifiers from a harmless global on. */
function nestedPath(call: PyObject): { module: string; name: string } | undefined {
  const names: string[] = []
  let outer: PyValue = call
  while (isGetattr(outer) && names.length < NESTED_CLASSES) {
    const [next, name]: readonly PyValue[] = outer.args instanceof PyTuple ? outer.args.items : []
    if (next === undefined || typeof name !== 'string' || !/^([A-Za-z_]\w*|__new__)$/.test(name)) return undefined
    names.unshift(name)
    outer = next
  }
  if (!(outer instanceof PyGlobal) || verdictOf(outer.module, outer.name) === 'dangerous') return undefined
  // `__new__` is how Python 3 writes, in protocol 2, a class that wants keyword arguments.
  if (names[names.length - 1] === '__new__') names.pop()
  const name = [outer.name, ...names].join('.')
  return verdictOf(outer.module, name) === 'dangerous' ? undefined : { module: outer.module, name }
}

function isGetattr(value: PyValue): value is PyObject {
  return value instanceof PyObject && value.callable instanceof PyGlobal && value.callable.path === 'builtins.getattr'
}

/** Characters of the text that `bytesOf` would turn into bytes once more. */
function lengthOfText(value: PyValue | undefined): number {
  const [text] = value instanceof PyObject && value.args instanceof PyTuple ? value.args.items : []
  return typeof text === 'string' ? text.length : 0
}
