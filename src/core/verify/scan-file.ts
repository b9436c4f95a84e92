import { type ByteSource, memorySource, rangeOf, readBytes } from '../bytes/source'
import { wrapping } from '../checkpoint/signatures'
import { readTar, TAR_MAGIC, tarEntrySource } from '../container/tar'
import { readTorchLegacy } from '../container/torch-legacy'
import { isTorchTar, readTorchTar } from '../container/torch-tar'
import { entrySource, entryStart, openZip, type ZipEntry } from '../container/zip'
import { END_BYTES } from '../container/zip-format'
import { parseJson } from '../decode/json'
import { beginsLikePickle } from '../decode/pickle/calls'
import { type GlobalUse, isNamedDanger } from '../decode/pickle/globals'
import { type DecodedPickle, decodePickle } from '../decode/pickle/machine'
import { fieldsOf } from '../decode/plain'
import { AssayError, shortened } from '../errors'

export interface GlobalsInFile {
  readonly globals: readonly GlobalUse[]
  /** Why part of the file stays unknown. */
  readonly error?: string
}

/** A pickle is read in windows that grow fourfold from the first to the last size, bytes. */
const FIRST_WINDOW = 1 << 20
const LAST_WINDOW = 256 << 20
/** Pickles in a row in one file. */
const IN_A_ROW = 10_000
/** Deflated records beyond this are not inflated only to see how they begin. */
const SNIFFED_INFLATED = 16 << 20
/** Records that are torch files themselves: inflated whatever their size. */
const STATE = /\.(pth?|bin|ckpt|th)$/i
/** Archives in archives. */
const NESTED = 3
/** Archives one behind another in one file (`.distcp`). */
const ARCHIVES = 100_000

const NPY = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/**
 * Every global of every pickle in a file, by its bytes and never by its name. Throws AssayError as the readers of the
 * containers do.
 */
export async function globalsIn(source: ByteSource): Promise<GlobalsInFile> {
  const head = await readBytes(source, 0, Math.min(512, source.size))
  const findings = new Collected()
  if (begins(head, [0x50, 0x4b, 0x03, 0x04]) || begins(head, [0x50, 0x4b, 0x05, 0x06]))
    await collectZip(source, findings, NESTED)
  else {
    if (begins(head, TAR_MAGIC, 257)) await collectTar(source, findings, NESTED)
    else if (await endsLikeZip(source)) await collectZip(source, findings, NESTED)
    const wrapped = noteWrapping(source, head, findings)
    // Whatever it looks like, what decodes as a pickle is one: protocol 0 has no mark.
    await collectStream(source, head, findings, !wrapped && !isSafetensors(source, head))
  }
  return { globals: findings.globals, ...(findings.error !== undefined && { error: shortened(findings.error) }) }
}

/** An archive with something in front of it, which Python's zipfile opens. */
async function endsLikeZip(source: ByteSource): Promise<boolean> {
  const length = Math.min(source.size, END_BYTES)
  return begins(await readBytes(source, source.size - length, length), [0x50, 0x4b, 0x05, 0x06])
}

function noteWrapping(source: ByteSource, head: Uint8Array, collected: Collected): boolean {
  const what = wrapping(head)
  if (what !== undefined) collected.error ??= `${source.name} is ${what} and was not looked into`
  return what !== undefined
}

class Collected {
  private readonly byName = new Map<string, GlobalUse>()
  error: string | undefined

  get globals(): GlobalUse[] {
    return [...this.byName.values()]
  }

  add(use: GlobalUse): void {
    const key = `${use.module}\0${use.name}`
    const known = this.byName.get(key)
    if (known === undefined || (use.verdict === 'dangerous' && known.verdict !== 'dangerous')) this.byName.set(key, use)
  }
}

/** The records of the archive, and of archives that lie before it in the same file: readers see only the last. */
async function collectZip(source: ByteSource, collected: Collected, nested: number): Promise<void> {
  let end = source.size
  const isArchive = begins(await readBytes(source, 0, Math.min(4, end)), [0x50, 0x4b, 0x03, 0x04])
  for (let i = 0; end > 0; i++) {
    if (i === ARCHIVES) {
      collected.error ??= `${source.name} holds more than ${ARCHIVES} archives one behind another`
      return
    }
    const archive = await openZip(end === source.size ? source : firstBytes(source, end)).catch((error: unknown) => {
      if (i === 0 || !(error instanceof AssayError)) throw error
      if (isArchive) collected.error ??= error.message
    })
    if (!archive) return
    if (archive.torn) collected.error ??= `${source.name}: ${archive.torn.reason}`
    for (const entry of archive.entries) await collectRecord(archive, entry, collected, nested)
    if (archive.gapAt !== undefined) await collectGap(archive.source, archive.gapAt, collected, nested)
    const first = archive.entries.reduce((least, { headerOffset }) => Math.min(least, headerOffset), end)
    // Offsets that lie may lead nowhere further to the front.
    if (archive.torn || first === end) return
    end = first
  }
}

/** An archive between the directory and the end record, which readers that count from the end take for the archive. */
async function collectGap(source: ByteSource, at: number, collected: Collected, nested: number): Promise<void> {
  if (nested === 0) {
    collected.error ??= `${source.name}: archives lie in archives too deep to be looked into`
    return
  }
  try {
    await collectZip(rangeOf(source, at, source.size - at, source.name), collected, nested - 1)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    collected.error ??= error.message
  }
}

async function collectRecord(
  archive: Parameters<typeof entrySource>[0],
  entry: ZipEntry,
  collected: Collected,
  nested: number,
): Promise<void> {
  const isPickle = /\.(pkl|pickle)$/i.test(entry.name)
  const isStored = entry.method === 0
  if (entry.size === 0) return
  const record = entrySource(archive, entry)
  try {
    const isLarge = !isStored && entry.size > SNIFFED_INFLATED && !STATE.test(entry.name)
    if (isLarge && !isPickle && isValues(await entryStart(archive, entry, SNIFFED_INFLATED))) return
    await collectInner(record, collected, isPickle, nested)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    collected.error ??= error.message
  } finally {
    record.close()
  }
}

/** Whether nothing that begins like this can hold a pickle, so that the rest need not be inflated. */
function isValues(start: Uint8Array): boolean {
  const isArchive = begins(start, [0x50, 0x4b, 0x03, 0x04]) || begins(start, TAR_MAGIC, 257)
  if (isArchive || beginsLikePickle(start) || wrapping(start) !== undefined) return false
  const at = begins(start, NPY) ? npyDataOffset(start) : 0
  const { globals, short } = decodePickle(start.subarray(at))
  return short !== true && globals.length === 0
}

/** A record of an archive: an archive itself, as in the zip of Stable-Baselines3, or what may be a pickle. */
async function collectInner(
  record: ByteSource,
  collected: Collected,
  expected: boolean,
  nested: number,
): Promise<void> {
  const head = await readBytes(record, 0, Math.min(512, record.size))
  const isZip = begins(head, [0x50, 0x4b, 0x03, 0x04])
  const isTar = begins(head, TAR_MAGIC, 257)
  if ((isZip || isTar) && nested === 0)
    collected.error ??= `${record.name}: archives lie in archives too deep to be looked into`
  else if (isZip) await collectZip(record, collected, nested - 1)
  else if (isTar) await collectTar(record, collected, nested - 1)
  else noteWrapping(record, head, collected)
  if (head[0] === 0x7b) await collectSerialized(record, collected)
  if (!isZip) await collectStream(record, head, collected, expected, expected)
}

/** Larger settings are not looked through. */
const LARGEST_SETTINGS = 64 << 20

/**
 * Stable-Baselines3 keeps what JSON cannot hold as pickles in base64, and unpickles them when it loads
 * (2.3, save_util.py, json_to_data).
 */
async function collectSerialized(record: ByteSource, collected: Collected): Promise<void> {
  if (record.size > LARGEST_SETTINGS) {
    collected.error ??= `${record.name} has ${record.size} bytes, too many for a JSON file to be looked through`
    return
  }
  const text = new TextDecoder().decode(await readBytes(record, 0, record.size))
  for (const item of Object.values(jsonIn(text, record.name) ?? {})) {
    const base64 = fieldsOf(item)?.[':serialized:']
    if (typeof base64 !== 'string') continue
    const bytes = fromBase64(base64)
    if (bytes) await collectStream(memorySource(record.name, bytes), bytes.subarray(0, 512), collected, true)
    else collected.error ??= `${record.name}: what should be base64 is none`
  }
}

/** The fields of a JSON object; what is no JSON to us is none to Python. */
function jsonIn(text: string, name: string): ReturnType<typeof fieldsOf> {
  try {
    return fieldsOf(parseJson(text, name))
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

/** As Python's b64decode: characters of no meaning are passed over. */
function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/[^A-Za-z0-9+/=]/g, '')), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** The files in a tar archive; in one of torch 0.1 pickles lie between the values of its storages too. */
async function collectTar(source: ByteSource, collected: Collected, nested: number): Promise<void> {
  const archive = await readTar(source)
  if (archive.torn) collected.error ??= `${source.name}: ${archive.torn.reason}`
  const looked = async (look: () => Promise<void>) => {
    try {
      await look()
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      collected.error ??= error.message
    }
  }
  for (const entry of archive.entries) {
    const isPickle = /(^|\/)pickle$|\.(pkl|pickle)$/i.test(entry.name)
    const record = tarEntrySource(archive, entry)
    if (entry.size > 0) await looked(() => collectInner(record, collected, isPickle, nested))
  }
  if (!isTorchTar(archive)) return
  await looked(async () => {
    const { pickles, trouble } = await readTorchTar(archive)
    for (const { globals } of pickles) for (const use of globals) collected.add(use)
    if (trouble) throw trouble
  })
}

/**
 * Pickles from the beginning of a file or record on, one behind another. `expected`: only a pickle begins like this here, so
 * one that breaks leaves the file unknown, if it begins as one or is `named` as one. Elsewhere any bytes may happen to be opcodes: only a dangerous name tells, and only
 * if something is called (`cffi`, `cloudpickle` on two lines of a requirements.txt read as a global).
 */
async function collectStream(
  source: ByteSource,
  head: Uint8Array,
  collected: Collected,
  expected: boolean,
  named = false,
): Promise<void> {
  const marked = named || beginsLikePickle(head)
  const unread = (why: string) => {
    collected.error ??= `${source.name}: ${why}`
  }
  let at = begins(head, NPY) ? npyDataOffset(head) : 0
  for (let i = 0; i < IN_A_ROW && at < source.size; i++) {
    const pickle = await decodeAt(source, at)
    const believed = pickle.error === undefined ? marked || expected : marked && expected
    for (const use of pickle.globals) if (believed || (pickle.acts && isNamedDanger(use))) collected.add(use)
    if (pickle.error && i === 0 && believed) collected.error ??= pickle.error.message
    if (pickle.error && pickle.short && source.size - at > LAST_WINDOW)
      unread('a pickle is too long to be read to its end')
    if (pickle.error || pickle.end === 0) return
    const start = at
    at += pickle.end
    if (isLegacyMagic(pickle)) at = await behindLegacy(source, collected, start, at)
    if (i === IN_A_ROW - 1 && at < source.size) unread(`more than ${IN_A_ROW} pickles lie one behind another`)
  }
}

async function decodeAt(source: ByteSource, at: number): Promise<DecodedPickle> {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const length = Math.min(window, source.size - at)
    const pickle = decodePickle(await readBytes(source, at, length), { name: source.name, offset: at })
    if (!pickle.short || at + length === source.size || window >= LAST_WINDOW) return pickle
  }
}

function isLegacyMagic(pickle: DecodedPickle): boolean {
  return pickle.value === 0x1950a86a20f9469cfc6cn
}

/** Adds the five pickles of a legacy torch stream and returns the offset behind its last storage. */
async function behindLegacy(source: ByteSource, collected: Collected, start: number, at: number): Promise<number> {
  for (let i = 0; i < 4 && at < source.size; i++) {
    const pickle = await decodeAt(source, at)
    for (const use of pickle.globals) collected.add(use)
    if (pickle.error) {
      collected.error ??= pickle.error.message
      return source.size
    }
    at += pickle.end
  }
  try {
    const { storages } = await readTorchLegacy(source, start)
    for (const { offset, byteLength } of storages.values()) at = Math.max(at, offset + byteLength)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
  }
  return at
}

/** An array of objects is a pickle behind the header (numpy/lib/format.py: length u16 in version 1, u32 from 2 on). */
function npyDataOffset(head: Uint8Array): number {
  if (head.length < 12) return 0
  const view = new DataView(head.buffer, head.byteOffset)
  return head[6] === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true)
}

/** A header length that fits, then JSON: its first bytes may look like PROTO (safetensors 0.8, README "Format"). */
function isSafetensors(source: ByteSource, head: Uint8Array): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false
  return new DataView(head.buffer, head.byteOffset).getBigUint64(0, true) <= BigInt(source.size - 8)
}

function firstBytes(source: ByteSource, size: number): ByteSource {
  return { name: source.name, size, read: (offset, target) => source.read(offset, target), close() {} }
}

function begins(head: Uint8Array, bytes: readonly number[], at = 0): boolean {
  return head.length >= at + bytes.length && bytes.every((byte, i) => head[at + i] === byte)
}
