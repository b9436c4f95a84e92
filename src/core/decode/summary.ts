import { protoFields } from './protobuf'

/** A number that was logged. */
export interface LoggedScalar {
  readonly tag: string
  readonly step: number
  readonly value: number
}

const FLOAT = 1
const DOUBLE = 2

/** Whether the record is the first of an event file: it names the version and nothing else (`brain.Event:2`). */
export function isEventVersion(record: Uint8Array): boolean {
  for (const { number, bytes } of protoFields(record)) {
    if (number === 3 && bytes) return new TextDecoder().decode(bytes).startsWith('brain.Event:')
  }
  return false
}

/**
 * The scalars in an event of TensorBoard (tensorboard/compat/proto: event.proto, summary.proto, tensor.proto 2.21): those of
 * `simple_value`, and tensors of a single float as version 2 of the scalars plugin writes them. Pictures, histograms and
 * texts are passed over.
 */
export function scalarsIn(event: Uint8Array): LoggedScalar[] {
  let step = 0
  const scalars: LoggedScalar[] = []
  const summaries: Uint8Array[] = []
  for (const { number, varint, bytes } of protoFields(event)) {
    if (number === 2 && varint !== undefined) step = varint
    else if (number === 5 && bytes) summaries.push(bytes)
  }
  for (const summary of summaries) {
    for (const { number, bytes } of protoFields(summary)) {
      const scalar = number === 1 && bytes ? scalarOf(bytes, step) : undefined
      if (scalar) scalars.push(scalar)
    }
  }
  return scalars
}

function scalarOf(entry: Uint8Array, step: number): LoggedScalar | undefined {
  let tag: string | undefined
  let value: number | undefined
  for (const { number, fixed, bytes } of protoFields(entry)) {
    if (number === 1 && bytes) tag = new TextDecoder().decode(bytes)
    else if (number === 2 && fixed?.byteLength === 4) value = fixed.getFloat32(0, true)
    else if (number === 8 && bytes) value = singleValue(bytes)
  }
  return tag === undefined || value === undefined ? undefined : { tag, step, value }
}

/** The number in a TensorProto of one float or double: in `tensor_content`, `float_val` or `double_val`, packed or not. */
function singleValue(tensor: Uint8Array): number | undefined {
  let dtype = 0
  const values: DataView[] = []
  for (const { number, varint, fixed, bytes } of protoFields(tensor)) {
    if (number === 1 && varint !== undefined) dtype = varint
    if (number !== 4 && number !== 5 && number !== 6) continue
    if (fixed) values.push(fixed)
    else if (bytes && bytes.length > 0) values.push(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }
  const [only] = values
  if (values.length !== 1 || only === undefined) return undefined
  if (dtype === FLOAT && only.byteLength === 4) return only.getFloat32(0, true)
  return dtype === DOUBLE && only.byteLength === 8 ? only.getFloat64(0, true) : undefined
}
