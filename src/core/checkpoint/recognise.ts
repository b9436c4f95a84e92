import type { ByteSource } from '../bytes/source'
import { readBytes } from '../bytes/source'
import { GGUF_MAGIC } from '../container/gguf'
import { HDF5_PLACES, HDF5_SIGNATURE } from '../container/hdf5/superblock'
import { TAR_MAGIC } from '../container/tar'
import { beginsLikeTfRecord, tfRecords } from '../container/tfrecord'
import { NPY_MAGIC } from '../decode/npy'
import { decodePickle } from '../decode/pickle/machine'
import { isEventVersion } from '../decode/summary'
import { type Finding, finding } from '../finding'
import type { FileKind } from './checkpoint'
import { isMetricsCsv } from './files/metrics-csv'
import { built, hasBytes, type Named, signed } from './signatures'

export interface Recognition {
  readonly kind: FileKind
  /** Set when the bytes are not a state of any kind Assay reads: why, and what they are. */
  readonly finding?: Finding
}

/** What the stream before torch 1.6 begins with, pickled by any protocol (torch/serialization.py, MAGIC_NUMBER). */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn

/** Reference readers refuse longer headers (safetensors 0.8.0, MAX_HEADER_SIZE). */
const SAFETENSORS_HEADER_LIMIT = 100_000_000

const HEAD = 4096
/** What a zip archive without a comment ends with, whatever stands in front of it. */
const ZIP_END: readonly number[] = [0x50, 0x4b, 0x05, 0x06]
const ZIP_END_BYTES = 22
/** Up to here a file is looked at whole; beyond it in samples. */
const WHOLE = 1 << 20

/**
 * Tells what a file is by its bytes, never by its name (formats in the order of the first bytes that mark them).
 * Reads at most about 1 MiB. Throws AssayError only when the system refuses to read.
 */
export async function recognise(source: ByteSource): Promise<Recognition> {
  const { name, size } = source
  if (size === 0) return { kind: 'other', finding: finding('file/empty', name, `${name} has no bytes`) }
  const head = await readBytes(source, 0, Math.min(HEAD, size))

  if (hasBytes(head, [0x50, 0x4b, 0x03, 0x04]) || hasBytes(head, [0x50, 0x4b, 0x05, 0x06])) {
    return { kind: 'torch-zip' }
  }
  if (isLegacy(head)) return { kind: 'torch-legacy' }
  // The length of a safetensors header may begin like a pickle: 1152 bytes are 80 04 00 00 ...
  if (head[0] === 0x80 && size > 1 && (head[1] as number) <= 5 && !beginsLikeSafetensors(head))
    return { kind: 'pickle' }

  if (hasBytes(head, TAR_MAGIC, 257)) return { kind: 'tar' }
  if (hasBytes(head, GGUF_MAGIC)) return { kind: 'gguf' }
  if (hasBytes(head, NPY_MAGIC)) return { kind: 'npy' }
  if (HDF5_PLACES.some((at) => hasBytes(head, HDF5_SIGNATURE, at))) return { kind: 'hdf5' }
  if (beginsLikeTfRecord(head)) return recogniseRecords(source)
  const mark = signed(head)
  if (mark) return named(source, mark)
  if (head.every((byte) => byte === 0) && (await isZeroed(source))) {
    const message = `${name}: ${size} bytes, all zero: the space was reserved and never written`
    return { kind: 'other', finding: finding('file/zeroed', name, message, { evidence: { bytes: size } }) }
  }
  if (await isSafetensors(source, head)) return { kind: 'safetensors' }

  const text = textOf(head, size > head.length)
  if (text === undefined) {
    if (await isOldPickle(source, head)) return { kind: 'pickle' }
    const tail = await readBytes(source, Math.max(size - ZIP_END_BYTES, 0), Math.min(size, ZIP_END_BYTES))
    if (hasBytes(tail, ZIP_END)) return { kind: 'torch-zip' }
    const other = built(head, tail.subarray(-8))
    if (typeof other === 'string') return { kind: other }
    return other ? named(source, other) : unknown(source, head)
  }
  return (await recogniseText(source, text)) ?? unknown(source, head)
}

/** An event file of TensorBoard, which its first record names; else a data set. */
async function recogniseRecords(source: ByteSource): Promise<Recognition> {
  const { value: first } = await tfRecords(source, HEAD).next()
  if (first && 'data' in first && first.data && isEventVersion(first.data)) return { kind: 'tensorboard' }
  return named(source, { what: 'a TFRecord file, a data set of TensorFlow', opens: 'tf.data.TFRecordDataset opens it' })
}

function named({ name }: ByteSource, { what, opens }: Named): Recognition {
  const message = `${name} is ${what}; ${opens}`
  return { kind: 'other', finding: finding('file/unknown-format', name, message, { evidence: { what } }) }
}

/** An object, or an array: the `[PAD]` of a vocabulary and the `[core]` of an ini file begin none. */
const BEGINS_JSON = /^(\{\s*("|\}|$)|\[\s*(["{[\]\d-]|true|false|null|NaN|Infinity|$))/

async function recogniseText(source: ByteSource, text: string): Promise<Recognition | undefined> {
  const { name } = source
  const start = text.trimStart().slice(0, 200)
  if (start.startsWith('version https://git-lfs.github.com/spec/')) {
    const size = Number(/^size (\d+)$/m.exec(text)?.[1] ?? Number.NaN)
    const oid = /^oid (\S+)$/m.exec(text)?.[1]
    const missing = Number.isNaN(size) ? 'the file' : `the ${size} bytes`
    const message = `${name} is a Git LFS pointer: ${missing} it stands for were never downloaded`
    return {
      kind: 'text',
      finding: finding('file/not-downloaded', name, message, {
        evidence: { ...(Number.isNaN(size) ? {} : { size }), ...(oid && { oid }) },
        repair: 'Run `git lfs pull`, or download the file again',
      }),
    }
  }
  if (/^(<!doctype html|<html|<head|<body|<\?xml)/i.test(start)) {
    const title = /<title>([^<]{1,100})/i.exec(text)?.[1]?.trim()
    const message = `${name} is a web page${title ? ` (“${title}”)` : ''}, not a checkpoint: a failed download was saved`
    return {
      kind: 'text',
      finding: finding('file/not-a-checkpoint', name, message, { repair: 'Download the file again' }),
    }
  }
  if (BEGINS_JSON.test(start)) return { kind: 'json' }
  if (await isOldPickle(source, new TextEncoder().encode(text), true)) return { kind: 'pickle' }
  if (isMetricsCsv(text)) return { kind: 'csv' }
  if (/^model_checkpoint_path: /.test(start)) {
    return named(source, {
      what: 'the list of checkpoints of a TensorFlow folder',
      opens: 'tf.train.latest_checkpoint reads it',
    })
  }
  const quoted = start.split('\n', 1)[0]?.slice(0, 60) ?? ''
  const message = `${name} is a text that begins with “${quoted}”, not a checkpoint`
  return { kind: 'text', finding: finding('file/not-a-checkpoint', name, message) }
}

function unknown(source: ByteSource, head: Uint8Array): Recognition {
  const first = Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const message = `${source.name} is of no format known to Assay; it begins with the bytes ${first}`
  return { kind: 'other', finding: finding('file/unknown-format', source.name, message, { evidence: { first } }) }
}

/** A u64 length below 2^48 and the opening brace: no pickle has two zero bytes and a brace there. */
function beginsLikeSafetensors(head: Uint8Array): boolean {
  return head[6] === 0 && head[7] === 0 && head[8] === 0x7b
}

function isLegacy(head: Uint8Array): boolean {
  const first = String.fromCharCode(head[0] as number)
  // PROTO in protocols 2 to 5, LONG in 0 and 1.
  return (first === '\x80' || first === 'L') && decodePickle(head.subarray(0, 64)).value === LEGACY_MAGIC
}

/** A u64 length, then a JSON object. A length no file can have still counts when JSON follows: then the header is damaged. */
async function isSafetensors(source: ByteSource, head: Uint8Array): Promise<boolean> {
  if (head.length < 9) return false
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)
  const json = new TextDecoder('latin1').decode(head.subarray(8)).trimStart()
  if (json.startsWith('{')) return true
  // A header that is no JSON: believed only if its length is one that the writer could have put there.
  const fits = length <= SAFETENSORS_HEADER_LIMIT && 8n + length <= BigInt(source.size)
  return length > 0n && length % 8n === 0n && fits
}

/** The text that the bytes are, or undefined when they are no UTF-8 or hold control characters. */
function textOf(head: Uint8Array, cut: boolean): string | undefined {
  const end = cut ? lastWhole(head) : head.length
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(0, end))
  } catch {
    return undefined
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return undefined
  }
  return text
}

/** Length of `bytes` without a UTF-8 sequence that its end may have cut. */
function lastWhole(bytes: Uint8Array): number {
  let end = bytes.length
  while (end > 0 && bytes.length - end < 4 && ((bytes[end - 1] as number) & 0xc0) === 0x80) end--
  return end > 0 && (bytes[end - 1] as number) >= 0xc0 ? end - 1 : end
}

/** Opcodes that a pickle of protocol 0 or 1 can begin with. */
const OLD_PICKLE_STARTS = new Set([...'cilLdI()]}FSVNJKMGTUX'].map((c) => c.charCodeAt(0)))

/** Pickles in a row that are decoded to tell whether a file is made of them. */
const IN_A_ROW = 64

/**
 * Protocols 0 and 1 carry no mark: a file is one of them if its pickles decode up to its end, or call something on the way.
 * To name a global is not enough: `cffi` and `cloudpickle` on two lines of a requirements.txt do. `blank`: what follows a pickle
 * in a text must be white space or another one, for `K1.` is a pickle and the beginning of many a sentence.
 */
async function isOldPickle(source: ByteSource, head: Uint8Array, blank = false): Promise<boolean> {
  if (!OLD_PICKLE_STARTS.has(head[0] as number)) return false
  const bytes = await readBytes(source, 0, Math.min(source.size, WHOLE))
  let at = 0
  for (let i = 0; i < IN_A_ROW && at < bytes.length; i++) {
    const { error, acts, end } = decodePickle(bytes.subarray(at), { name: source.name, offset: at })
    if (acts) return true
    if (error) return at > 2 && (!blank || bytes.subarray(at).every((byte) => byte <= 0x20))
    at += end
  }
  return at > 2
}

/** Looks at the whole of a small file, at 256 places spread over a large one. */
async function isZeroed(source: ByteSource): Promise<boolean> {
  const places = source.size <= WHOLE ? Math.ceil(source.size / HEAD) : 256
  for (let i = 0; i < places; i++) {
    const offset = places === 1 ? 0 : Math.floor(((source.size - HEAD) * i) / (places - 1))
    const block = await readBytes(source, Math.max(offset, 0), Math.min(HEAD, source.size))
    if (!block.every((byte) => byte === 0)) return false
  }
  return true
}
