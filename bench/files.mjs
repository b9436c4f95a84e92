import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

/** A safetensors file of float32 tensors of the given shapes; `fill(values, tensor)` makes the values, a hole stays without it. */
export function safetensors(path, shapes, fill) {
  const header = {}
  let end = 0
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = end
    end += shape.reduce((n, extent) => n * extent, 4)
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] }
  }
  const json = JSON.stringify(header)
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const fd = openSync(path, 'w')
  writeSync(fd, length)
  writeSync(fd, text)
  if (fill)
    for (const { data_offsets } of Object.values(header)) writeValues(fd, data_offsets[1] - data_offsets[0], fill)
  else ftruncateSync(fd, 8 + text.length + end)
  closeSync(fd)
}

function writeValues(fd, bytes, fill) {
  for (let at = 0; at < bytes; at += 2 ** 24) {
    const values = new Float32Array(Math.min(2 ** 24, bytes - at) / 4)
    fill(values)
    writeSync(fd, new Uint8Array(values.buffer))
  }
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

/** The same weights after one more step. */
export function stepped(seed) {
  const before = weights(seed)
  return (values) => {
    before(values)
    for (let i = 0; i < values.length; i++) values[i] += 1e-4 * ((i & 7) - 3.5)
  }
}
