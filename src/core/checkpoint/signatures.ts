import { TABLE_MAGIC } from '../container/table'
import { protoFields } from '../decode/protobuf'
import type { FileKind } from './checkpoint'

/** A format that is told apart so that it can be named, not read: what it is, and what opens it. */
export interface Named {
  readonly what: string
  readonly opens: string
}

interface Signature extends Named {
  /** Byte offset of `bytes`. */
  readonly at: number
  readonly bytes: readonly number[]
}

const UNPACK = 'unpack it first'
const DECRYPT = 'decrypt it first'
const HIDING: ReadonlySet<string> = new Set([UNPACK, DECRYPT])
const OLD_GGML = {
  what: 'a ggml model from before GGUF',
  opens: "llama.cpp's convert_llama_ggml_to_gguf.py converts it",
}

/** First bytes, each from the format's own description. */
const SIGNATURES: readonly Signature[] = [
  { at: 0, bytes: [0x1f, 0x8b], what: 'a gzip file', opens: UNPACK },
  { at: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'a zstd file', opens: UNPACK },
  { at: 0, bytes: [0x42, 0x5a, 0x68], what: 'a bzip2 file', opens: UNPACK },
  { at: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: 'an xz file', opens: UNPACK },
  { at: 0, bytes: [0x04, 0x22, 0x4d, 0x18], what: 'an LZ4 file', opens: UNPACK },
  { at: 0, bytes: [0x37, 0x7a, 0xbc, 0xaf], what: 'a 7-Zip archive', opens: UNPACK },
  { at: 0, bytes: ascii('Rar!'), what: 'a RAR archive', opens: UNPACK },
  { at: 0, bytes: ascii('Salted__'), what: 'a file that OpenSSL encrypted', opens: DECRYPT },
  { at: 0, bytes: ascii('PYTORCH1'), what: 'a PyTorch preview archive (PYTORCH1)', opens: 'PyTorch 1.0 opens it' },
  { at: 4, bytes: ascii('TFL3'), what: 'a TensorFlow Lite model', opens: 'tf.lite.Interpreter opens it' },
  { at: 0, bytes: [0x0c, 0xdb, 0x3a, 0x2a], what: 'an OCDBT manifest (Orbax, JAX)', opens: 'Orbax opens its folder' },
  { at: 0, bytes: ascii('lmgg'), ...OLD_GGML },
  { at: 0, bytes: ascii('fmgg'), ...OLD_GGML },
  { at: 0, bytes: ascii('tjgg'), ...OLD_GGML },
  { at: 0, bytes: [0x12, 1, 0, 0, 0, 0, 0, 0], what: 'an MXNet parameter file', opens: 'mxnet.nd.load opens it' },
  { at: 0, bytes: ascii('MATLAB 5.0'), what: 'a MATLAB file', opens: 'scipy.io.loadmat opens it' },
  { at: 0, bytes: ascii(':W&B'), what: 'a run log of Weights & Biases', opens: 'wandb sync uploads it' },
  { at: 0, bytes: ascii('SQLite format 3'), what: 'an SQLite database', opens: 'sqlite3 opens it' },
  { at: 0, bytes: ascii('PAR1'), what: 'a Parquet table', opens: 'pyarrow or pandas opens it' },
  { at: 0, bytes: ascii('ARROW1'), what: 'an Arrow table', opens: 'pyarrow or datasets opens it' },
  { at: 0, bytes: [0x89, 0x50, 0x4e, 0x47], what: 'a PNG picture', opens: 'it is no checkpoint' },
  { at: 0, bytes: [0xff, 0xd8, 0xff], what: 'a JPEG picture', opens: 'it is no checkpoint' },
  { at: 0, bytes: ascii('%PDF'), what: 'a PDF document', opens: 'it is no checkpoint' },
  { at: 0, bytes: [0x7f, 0x45, 0x4c, 0x46], what: 'a program or library (ELF)', opens: 'it is no checkpoint' },
]

/** The format whose first bytes `head` has. */
export function signed(head: Uint8Array): Named | undefined {
  return SIGNATURES.find(({ at, bytes }) => hasBytes(head, bytes, at))
}

/** What hides the contents of a file whose first bytes are `head`: compression or encryption, as `a gzip file`. */
export function wrapping(head: Uint8Array): string | undefined {
  const mark = signed(head)
  return mark && HIDING.has(mark.opens) ? mark.what : undefined
}

/** A format without a mark of its own, told by how its first bytes (`head`) or its last eight (`tail`) are built: one that is read, or a name. */
export function built(head: Uint8Array, tail: Uint8Array): Named | FileKind | undefined {
  if (hasBytes(tail, TABLE_MAGIC)) return 'tensor-bundle'
  if (isMessagePack(head)) return 'flax'
  return protobuf(head)
}

/** Whether the bytes stand at `at`. */
export function hasBytes(head: Uint8Array, bytes: readonly number[], at = 0): boolean {
  return head.length >= at + bytes.length && bytes.every((byte, i) => head[at + i] === byte)
}

/** A map whose first key is a text: fixmap, map16 or map32, then fixstr or str8 (msgpack spec). */
function isMessagePack(head: Uint8Array): boolean {
  const [first = 0] = head
  const key = first > 0x80 && first <= 0x8f ? 1 : first === 0xde ? 3 : first === 0xdf ? 5 : 0
  if (key === 0) return false
  const mark = head[key] ?? 0
  const start = mark === 0xd9 ? key + 2 : key + 1
  const length = mark > 0xa0 && mark <= 0xbf ? mark & 31 : mark === 0xd9 ? (head[key + 1] ?? 0) : 0
  return length > 0 && start + length <= head.length && isPrintable(head.subarray(start, start + length))
}

/**
 * Models in protobuf begin with a small version number in field 1. What follows tells them apart: in a SavedModel a graph
 * (version 1, field 2 a message), in Core ML a description (field 2 a message), in ONNX the name of the writer (field 2 a text) or
 * the graph (field 7) (saved_model.proto, Model.proto, onnx.proto).
 */
function protobuf(head: Uint8Array): Named | FileKind | undefined {
  if (head[0] !== 0x08) return undefined
  const [version, ...fields] = [...protoFields(head)].slice(0, 8)
  const number = version?.varint ?? 0
  if (version?.number !== 1 || number < 1 || number > 100) return undefined
  const second = head[number > 127 ? 3 : 2]
  const writer = fields.find((field) => field.number === 2)?.bytes
  if (writer && isPrintable(writer)) return 'onnx'
  if (second === 0x3a || second === 0x42) return 'onnx'
  if (second !== 0x12) return undefined
  if (number === 1)
    return { what: 'a TensorFlow SavedModel (saved_model.pb)', opens: 'tf.saved_model.load opens its folder' }
  return { what: 'a Core ML model', opens: 'coremltools opens it' }
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
}

function ascii(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0))
}
