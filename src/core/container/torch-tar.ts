import { type ByteSource, readBytes } from '../bytes/source'
import { type DType, itemSize } from '../checkpoint/dtype'
import { type DecodedPickle, decodePickle } from '../decode/pickle/machine'
import { storageDtypeOf } from '../decode/pickle/torch'
import { PyGlobal, PyObject, PyPersistent, PyTuple, type PyValue, sequenceOf } from '../decode/pickle/value'
import { containerOf, partsOf } from '../decode/pickle/walk'
import { AssayError } from '../errors'
import { Cursor } from './cursor'
import { type TarArchive, tarEntrySource } from './tar'

/** Bytes of one storage in the record `storages`. */
interface TarStorage {
  readonly source: ByteSource
  readonly offset: number
  readonly byteLength: number
}

export interface TorchTar {
  /** The main object; its persistent ids are resolved to tensors. */
  readonly main: DecodedPickle
  /** All pickles of the archive, the main object's last. */
  readonly pickles: readonly DecodedPickle[]
  readonly storages: ReadonlyMap<string, TarStorage>
  /** Why storages or tensors end before their count: what comes behind is lost. */
  readonly trouble?: AssayError
}

const RECORDS = ['sys_info', 'pickle', 'tensors', 'storages']
const FIRST_WINDOW = 1 << 12
const LAST_WINDOW = 64 << 20
const MOST_DIMENSIONS = 64

/** Whether the archive is one that torch 0.1 wrote. */
export function isTorchTar({ entries }: TarArchive): boolean {
  return ['pickle', 'tensors', 'storages'].every((name) => entries.some((entry) => entry.name === name))
}

/**
 * Reads the tar archive that `torch.save` wrote before 0.2 (torch/serialization.py of 2.13, `_legacy_load.legacy_load`).
 * `storages`: a pickled count, for each a pickled (key, location, type), an i64 count of elements and their bytes; then a
 * pickled list of views (key, root key, offset, count in elements). `tensors`: a pickled count, for each a pickled (key,
 * storage key, type), an i32 of dimensions, 4 unused bytes, i64 sizes, i64 strides and an i64 offset, all little endian.
 * `pickle`: the object; persistent ids are keys. Reads pickles and counts, no values. Throws AssayError when the main object
 * cannot be read.
 */
export async function readTorchTar(archive: TarArchive): Promise<TorchTar> {
  const record = (name: string) => {
    const entry = archive.entries.find((each) => each.name === name)
    return entry && tarEntrySource(archive, entry)
  }
  const [, main, tensors, storages] = RECORDS.map(record)
  if (!main || !tensors || !storages) {
    throw new AssayError('file/bad-header', `${archive.source.name} lacks a record of a torch archive`, {
      file: archive.source.name,
    })
  }
  const pickles: DecodedPickle[] = []
  const places = new Map<string, TarStorage>()
  const values = new Map<string, PyValue>()
  let trouble: AssayError | undefined
  try {
    await readStorages(storages, pickles, places, values)
    await readTensors(tensors, pickles, values)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    trouble = error
  }
  const object = decodePickle(await readBytes(main, 0, Math.min(main.size, LAST_WINDOW)), { name: main.name })
  resolve(object.value, values)
  return { main: object, pickles: [...pickles, object], storages: places, ...(trouble && { trouble }) }
}

async function readStorages(
  source: ByteSource,
  pickles: DecodedPickle[],
  places: Map<string, TarStorage>,
  values: Map<string, PyValue>,
): Promise<void> {
  const cursor = new Cursor(source, 0, true)
  const count = cursor.checked(countIn(await pickleAt(cursor, source, pickles)), 8, 'storages')
  const types = new Map<string, { type: PyValue; dtype: DType | 'bytes' }>()
  for (let i = 0; i < count; i++) {
    const [key, location, type] = sequenceOf(await pickleAt(cursor, source, pickles)) ?? []
    const dtype = storageDtypeOf(type)
    if (dtype === undefined || type === undefined) throw malformed(source, cursor.offset, 'a storage of no known type')
    const item = dtype === 'bytes' ? 1 : itemSize(dtype)
    const numel = cursor.checked(await cursor.i64(), item, 'elements')
    if (numel < 0) throw malformed(source, cursor.offset, 'a storage of less than no elements')
    const name = keyText(key)
    places.set(name, { source, offset: cursor.offset, byteLength: numel * item })
    types.set(name, { type, dtype })
    values.set(name, storageValue(type, name, location ?? '', numel))
    cursor.skip(numel * item)
  }
  if (cursor.left === 0) return
  for (const view of sequenceOf(await pickleAt(cursor, source, pickles)) ?? []) {
    const [key, root, offset, numel] = sequenceOf(view) ?? []
    const place = places.get(keyText(root))
    const made = types.get(keyText(root))
    if (!place || !made || typeof offset !== 'number' || typeof numel !== 'number') continue
    const item = made.dtype === 'bytes' ? 1 : itemSize(made.dtype)
    if (offset < 0 || numel < 0 || (offset + numel) * item > place.byteLength) continue
    places.set(keyText(key), { source, offset: place.offset + offset * item, byteLength: numel * item })
    values.set(keyText(key), storageValue(made.type, keyText(key), '', numel))
  }
}

async function readTensors(source: ByteSource, pickles: DecodedPickle[], values: Map<string, PyValue>): Promise<void> {
  const cursor = new Cursor(source, 0, true)
  const count = cursor.checked(countIn(await pickleAt(cursor, source, pickles)), 16, 'tensors')
  for (let i = 0; i < count; i++) {
    const [key, storage] = sequenceOf(await pickleAt(cursor, source, pickles)) ?? []
    const dimensions = await cursor.i32()
    cursor.skip(4)
    if (dimensions < 0 || dimensions > MOST_DIMENSIONS)
      throw malformed(source, cursor.offset, `${dimensions} dimensions`)
    const sizes: number[] = []
    for (let d = 0; d < 2 * dimensions; d++) sizes.push(Number(await cursor.i64()))
    const offset = Number(await cursor.i64())
    const shape = new PyTuple(sizes.slice(0, dimensions))
    const strides = new PyTuple(sizes.slice(dimensions))
    const args = new PyTuple([values.get(keyText(storage)) ?? null, offset, shape, strides])
    values.set(keyText(key), new PyObject(new PyGlobal('torch._utils', '_rebuild_tensor'), args, 'reduce'))
  }
}

function storageValue(type: PyValue, key: string, location: PyValue, numel: number): PyPersistent {
  return new PyPersistent(new PyTuple(['storage', type, key, location, numel]))
}

/** Decodes the pickle under the cursor, in a window that grows until it fits, and steps behind it. */
async function pickleAt(cursor: Cursor, source: ByteSource, pickles: DecodedPickle[]): Promise<PyValue | undefined> {
  for (let window = FIRST_WINDOW; ; window *= 8) {
    const length = Math.min(window, cursor.left)
    const bytes = await readBytes(source, cursor.offset, length)
    const pickle = decodePickle(bytes, { name: source.name, offset: cursor.offset })
    if (pickle.error && pickle.short && length < cursor.left && window < LAST_WINDOW) continue
    pickles.push(pickle)
    if (pickle.error) throw pickle.error
    cursor.skip(pickle.end)
    return pickle.value
  }
}

/** Puts tensors and storages where the object refers to them by key. */
function resolve(root: PyValue | undefined, values: ReadonlyMap<string, PyValue>): void {
  const seen = new Set<PyValue>()
  const ahead: PyValue[] = root === undefined ? [] : [root]
  for (let value = ahead.pop(); value !== undefined; value = ahead.pop()) {
    const node = containerOf(value)
    if (node === undefined || seen.has(node)) continue
    seen.add(node)
    if (node instanceof PyPersistent) node.refersTo = values.get(keyText(node.id))
    for (const part of partsOf(node)) ahead.push(part)
  }
}

function countIn(value: PyValue | undefined): number {
  return typeof value === 'number' && value >= 0 ? value : 0
}

/** Keys are numbers where they are told, and texts where they are referred to. */
function keyText(key: PyValue | undefined): string {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' ? String(key) : ''
}

function malformed(source: ByteSource, offset: number, what: string): AssayError {
  return new AssayError('file/bad-header', `${source.name} tells of ${what}`, { file: source.name, offset })
}
