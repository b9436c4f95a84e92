import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

const ITEM = { F32: 4, BF16: 2, F16: 2 }

/** A safetensors file of tensors of the given shapes; `fill(values, tensor)` makes the values, a hole stays without it. */
export function safetensors(path, shapes, fill, dtype = 'F32') {
  const header = {}
  let end = 0
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = end
    end += shape.reduce((n, extent) => n * extent, ITEM[dtype])
    header[name] = { dtype, shape, data_offsets: [begin, end] }
  }
  const json = JSON.stringify(header)
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const fd = openSync(path, 'w')
  writeSync(fd, length)
  writeSync(fd, text)
  if (fill) writeValues(fd, end, fill, dtype)
  else ftruncateSync(fd, 8 + text.length + end)
  closeSync(fd)
}

/** Values that are made; a large file repeats them. */
const PERIOD = 2 ** 22

function writeValues(fd, bytes, fill, dtype) {
  const values = new Float32Array(Math.min(PERIOD, bytes / ITEM[dtype]))
  fill(values)
  const chunk = new Uint8Array(narrowed(values, dtype).buffer)
  for (let at = 0; at < bytes; at += chunk.length) writeSync(fd, chunk, 0, Math.min(chunk.length, bytes - at))
}

/** Float32 as the dtype has it, by cutting off: what is measured does not depend on the last bit. */
function narrowed(values, dtype) {
  if (dtype === 'F32') return values
  const bits = new Uint32Array(values.buffer)
  return Uint16Array.from(bits, dtype === 'BF16' ? (word) => word >>> 16 : half)
}

function half(word) {
  const exponent = ((word >>> 23) & 255) - 112
  return exponent <= 0 ? 0 : ((word >>> 16) & 0x8000) | (exponent << 10) | ((word >>> 13) & 0x3ff)
}

/** Weights as they come out of training: near normal, a fixed sequence for a seed. */
export function weights(seed) {
  let state = seed >>> 0
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  return (values) => {
    for (let i = 0; i < values.length; i++) values[i] = (uniform() + uniform() + uniform()) * 0.04
  }
}

/** The same weights after one more step: every one of them moved. */
export function stepped(seed) {
  const before = weights(seed)
  return (values) => {
    before(values)
    for (let i = 0; i < values.length; i++) values[i] = values[i] * 1.01 + 1e-3 * ((i & 7) - 3.5)
  }
}
