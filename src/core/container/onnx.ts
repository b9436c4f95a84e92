import { type ByteSource, readBytes } from '../bytes/source'
import type { DType } from '../checkpoint/dtype'
import type { Plain } from '../decode/plain'
import { protoFields } from '../decode/protobuf'
import { AssayError } from '../errors'
import { type Finding, findingOf } from '../finding'
import { type PlacedField, placedFields } from './proto-source'

/** A tensor of the graph: named constants, which are what training made. */
export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: DType | undefined
  /** Type in words. */
  readonly what: string
  readonly values: OnnxValues
}

/** Where the values are: in a run of bytes, as a list of varints, or in another file. */
export type OnnxValues =
  | { readonly kind: 'raw' | 'varints'; readonly begin: number; readonly length: number }
  | {
      readonly kind: 'external'
      readonly location: string
      readonly offset: number
      readonly length: number | undefined
    }
  | { readonly kind: 'none' }

export interface OnnxFile {
  readonly tensors: readonly OnnxTensor[]
  readonly facts: { readonly [key: string]: Plain }
  readonly findings: readonly Finding[]
}

/** Data types by their number (onnx 1.23, onnx.proto, TensorProto.DataType). */
const TYPES: readonly (DType | undefined)[] = [
  ...[undefined, 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', undefined, 'bool'],
  ...['float16', 'float64', 'uint32', 'uint64', 'complex64', 'complex128', 'bfloat16', 'float8_e4m3fn'],
  ...['float8_e4m3fnuz', 'float8_e5m2', 'float8_e5m2fnuz', undefined, undefined, undefined, 'float8_e8m0fnu'],
] as (DType | undefined)[]
const WORDS: ReadonlyMap<number, string> = new Map([
  [8, 'texts'],
  [21, 'unsigned 4-bit integers'],
  [22, '4-bit integers'],
  [23, '4-bit floats'],
])

/** Bytes of names, of tensors' dimensions, of the facts about a model. */
const LONGEST_TEXT = 1 << 16
const MOST_DIMENSIONS = 64
const MOST_FACTS = 64

/**
 * Lists the initializers of an ONNX model and what the model says of itself (onnx 1.23, onnx.proto, ModelProto); nodes are passed
 * over. A file that ends early gives what is in front of its end and a finding. Throws AssayError as `placedFields`.
 */
export async function readOnnx(source: ByteSource): Promise<OnnxFile> {
  const tensors: OnnxTensor[] = []
  const facts: { [key: string]: Plain } = {}
  const opsets: { [domain: string]: Plain } = Object.create(null)
  const findings: Finding[] = []
  try {
    for await (const field of placedFields(source, 0, source.size)) {
      if (field.number === 1 && field.varint !== undefined) facts.ir_version = field.varint
      else if (field.number === 2) facts.producer_name = await textAt(source, field)
      else if (field.number === 3) facts.producer_version = await textAt(source, field)
      else if (field.number === 7 && field.wire === 2) await readGraph(source, field, tensors, facts)
      else if (field.number === 8 && Object.keys(opsets).length < MOST_FACTS) await readOpset(source, field, opsets)
    }
  } catch (error) {
    if (!(error instanceof AssayError) || tensors.length === 0) throw error
    findings.push(findingOf(error, source.name))
  }
  if (Object.keys(opsets).length > 0) facts.opset_import = opsets
  return { tensors, facts, findings }
}

async function readGraph(
  source: ByteSource,
  { begin, length }: PlacedField,
  tensors: OnnxTensor[],
  facts: { [key: string]: Plain },
): Promise<void> {
  for await (const field of placedFields(source, begin, begin + length)) {
    if (field.number === 2) facts.graph = await textAt(source, field)
    else if (field.number === 5 && field.wire === 2) tensors.push(await readTensor(source, field))
  }
}

async function readOpset(source: ByteSource, field: PlacedField, opsets: { [domain: string]: Plain }): Promise<void> {
  let domain = ''
  let version = 0
  for (const { number, varint, bytes } of protoFields(await shortBytes(source, field))) {
    if (number === 1 && bytes) domain = new TextDecoder().decode(bytes)
    else if (number === 2 && varint !== undefined) version = varint
  }
  opsets[domain || 'ai.onnx'] = version
}

/** TensorProto: 1 dims, 2 data_type, 4 to 11 typed values, 8 name, 9 raw_data, 13 external_data, 14 data_location. */
async function readTensor(source: ByteSource, { begin, length }: PlacedField): Promise<OnnxTensor> {
  let name = ''
  let type = 0
  let external = false
  const shape: number[] = []
  const entries = new Map<string, string>()
  const values: PlacedField[] = []
  for await (const field of placedFields(source, begin, begin + length)) {
    const { number, varint } = field
    if (number === 1) shape.push(...(varint === undefined ? await varintsAt(source, field) : [varint]))
    else if (number === 2) type = varint ?? 0
    else if (number === 8) name = await textAt(source, field)
    else if (number === 13) addEntry(entries, await shortBytes(source, field))
    else if (number === 14) external = varint === 1
    else if ([4, 5, 7, 9, 10, 11].includes(number) && values.length < 2) values.push(field)
    if (shape.length > MOST_DIMENSIONS) fail(source, field, `a tensor has more than ${MOST_DIMENSIONS} dimensions`)
    if (shape.some((extent) => extent < 0)) fail(source, field, 'a tensor has a negative dimension')
  }
  const place = external ? externalOf(entries) : placeOf(values)
  return { name, shape, dtype: TYPES[type], what: TYPES[type] ?? WORDS.get(type) ?? `type ${type}`, values: place }
}

/** Floats and raw bytes lie as they are; integers of any type are written as varints. */
function placeOf(values: readonly PlacedField[]): OnnxValues {
  const [only] = values
  if (values.length !== 1 || !only || only.wire !== 2) return { kind: 'none' }
  const raw = only.number === 9 || only.number === 4 || only.number === 10
  return { kind: raw ? 'raw' : 'varints', begin: only.begin, length: only.length }
}

/** Keys `location`, `offset` and `length`, numbers in decimal (onnx 1.23, external_data_helper.py). */
function externalOf(entries: ReadonlyMap<string, string>): OnnxValues {
  const location = entries.get('location')
  const number = (key: string) => {
    const text = entries.get(key)
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }
  return location === undefined
    ? { kind: 'none' }
    : { kind: 'external', location, offset: number('offset') ?? 0, length: number('length') }
}

function addEntry(entries: Map<string, string>, entry: Uint8Array): void {
  let key = ''
  let value = ''
  for (const { number, bytes } of protoFields(entry)) {
    if (number === 1 && bytes) key = new TextDecoder().decode(bytes)
    else if (number === 2 && bytes) value = new TextDecoder().decode(bytes)
  }
  if (entries.size < MOST_FACTS) entries.set(key, value)
}

async function textAt(source: ByteSource, field: PlacedField): Promise<string> {
  return field.wire === 2 ? new TextDecoder().decode(await shortBytes(source, field)) : ''
}

async function varintsAt(source: ByteSource, field: PlacedField): Promise<number[]> {
  if (field.wire !== 2 || field.length > MOST_DIMENSIONS * 10) return fail(source, field, 'dimensions make no sense')
  const numbers: number[] = []
  for await (const value of varintsIn(await shortBytes(source, field))) numbers.push(Number(value))
  return numbers
}

/** Signed 64-bit integers of a packed list. */
export function* varintsIn(bytes: Uint8Array): Generator<bigint> {
  let value = 0n
  let shift = 0n
  for (const byte of bytes) {
    if (shift < 70n) value |= BigInt(byte & 127) << shift
    shift += 7n
    if (byte >= 128) continue
    yield BigInt.asIntN(64, value)
    value = 0n
    shift = 0n
  }
}

async function shortBytes(source: ByteSource, field: PlacedField): Promise<Uint8Array> {
  if (field.length > LONGEST_TEXT) fail(source, field, `a text has ${field.length} bytes`)
  return readBytes(source, field.begin, field.length)
}

function fail({ name }: ByteSource, { begin }: PlacedField, why: string): never {
  throw new AssayError('file/bad-header', `${name}: ${why} (byte ${begin})`, { file: name, offset: begin })
}
