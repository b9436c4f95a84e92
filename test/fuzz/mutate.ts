import type { Random } from './random'

/** Changes a file in one way. May return its argument; never writes into it. `donor` gives the bytes of another file. */
export type Mutation = (bytes: Uint8Array, random: Random, donor: () => Uint8Array) => Uint8Array

/** Headers and directories lie at the ends, and so most places do. */
const EDGE = 4096
const LONGEST = 64

const flipBits: Mutation = (bytes, random) => {
  const copy = bytes.slice()
  for (let n = 1 + random.below(8); n > 0; n--) {
    const at = place(copy, random)
    if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << random.below(8))
  }
  return copy
}

const setBytes: Mutation = (bytes, random) => {
  const copy = bytes.slice()
  const at = place(copy, random)
  const value = random.pick([0x00, 0x01, 0x7f, 0x80, 0xff, random.below(256)])
  return copy.fill(value, at, at + random.pick([1, 1, 2, 4, 8, LONGEST]))
}

const truncate: Mutation = (bytes, random) => bytes.subarray(0, place(bytes, random))

const cutOut: Mutation = (bytes, random) => {
  const at = place(bytes, random)
  return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(random.pick([4, LONGEST, EDGE]))))
}

const insertNoise: Mutation = (bytes, random) => {
  const noise = Uint8Array.from({ length: 1 + random.below(LONGEST) }, () => random.below(256))
  return inserted(bytes, place(bytes, random), noise)
}

const insertToken: Mutation = (bytes, random) => inserted(bytes, place(bytes, random), latin1(random.pick(TOKENS)))

const putToken: Mutation = (bytes, random) => {
  const token = latin1(random.pick(TOKENS))
  const at = place(bytes, random)
  return joined(bytes.subarray(0, at), token, bytes.subarray(at + token.length))
}

const repeat: Mutation = (bytes, random) => {
  const at = place(bytes, random)
  const part = bytes.subarray(at, at + 1 + random.below(random.pick([8, LONGEST, EDGE])))
  const times = random.pick([1, 2, 16, 256])
  return joined(bytes.subarray(0, at), ...Array.from({ length: times }, () => part), bytes.subarray(at))
}

/** The beginning of one file and the end of another, or a part of one in the other. */
const splice: Mutation = (bytes, random, donor) => {
  const other = donor()
  const at = place(bytes, random)
  const from = place(other, random)
  if (random.chance(0.5)) return joined(bytes.subarray(0, at), other.subarray(from))
  const part = other.subarray(from, from + 1 + random.below(EDGE))
  return joined(bytes.subarray(0, at), part, bytes.subarray(at + (random.chance(0.5) ? part.length : 0)))
}

/** Finds an integer that may be a length, a count or an offset of something in the file, and makes it an extreme. */
const lie: Mutation = (bytes, random) => {
  if (bytes.length < 8) return bytes
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  let at = 0
  let width = 4
  for (let tries = 0; tries < 64; tries++) {
    at = Math.min(place(copy, random), copy.length - 8)
    width = random.pick([2, 4, 4, 8])
    const value = readInteger(view, at, width)
    if (value > 0n && value <= BigInt(copy.length)) break
  }
  const size = BigInt(copy.length)
  const value = readInteger(view, at, width)
  const extremes = [0n, 1n, value - 1n, value + 1n, value * 2n, size - 1n, size, size + 1n, ...LIMITS]
  const extreme = BigInt.asUintN(width * 8, random.pick(extremes))
  for (let i = 0; i < width; i++) copy[at + i] = Number((extreme >> BigInt(8 * i)) & 0xffn)
  return copy
}

/** Puts an extreme where a text (JSON, a header, protocol 0) has a number, a word or a quoted string. */
const lieInText: Mutation = (bytes, random) => {
  const start = random.chance(0.7) ? 0 : place(bytes, random)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(bytes.length - start, 1 << 16)).toString(
    'latin1',
  )
  const tokens = [...text.matchAll(/-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"[^"]{0,60}"|\b(?:true|false|null|NaN)\b/g)]
  if (tokens.length === 0) return setBytes(bytes, random, () => bytes)
  const token = random.pick(tokens)
  const at = start + token.index
  const other = random.chance(0.8) ? random.pick(JSON_EXTREMES) : random.pick(tokens)[0]
  return joined(bytes.subarray(0, at), latin1(other), bytes.subarray(at + token[0].length))
}

export const MUTATIONS: readonly Mutation[] = [
  flipBits,
  setBytes,
  truncate,
  cutOut,
  insertNoise,
  insertToken,
  putToken,
  repeat,
  splice,
  lie,
  lie,
  lieInText,
  lieInText,
]

/** One mutation, or a few of them one upon another. */
export function mutate(bytes: Uint8Array, random: Random, donor: () => Uint8Array): Uint8Array {
  let mutated = bytes
  do mutated = random.pick(MUTATIONS)(mutated, random, donor)
  while (random.chance(0.35))
  return mutated
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

const LIMITS = [
  2n ** 15n,
  2n ** 16n - 1n,
  2n ** 24n,
  2n ** 28n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
]

const JSON_EXTREMES = [
  ...['0', '-1', '1.5', '-0', '1e400', '1e308', '-Infinity', 'NaN', 'null', 'true', '[]', '{}', '""', '[[[[]]]]'],
  ...['4294967295', '9007199254740993', '9223372036854775807', '18446744073709551616', '9'.repeat(400)],
  ...['"__proto__"', '"constructor"', '"../../x"', '"/etc/passwd"', '"\\u0000"', '"\\u001b[31m"', '"F64"', '"BF16"'],
  '"'.padEnd(10_000, 'a').concat('"'),
  '['.repeat(5000),
]

/** Words of the formats: what a parser acts upon. Each character is a byte. */
const TOKENS = [
  // Pickle: frames, memo, long integers, strings with lengths that lie, calls.
  ...['\x80\x02', '\x80\x05', '\x80\xff', '.', '0', '1', '2', 'N', '(', ')', ']', '}', '\x8f', '\x90', '\x91', '\x92'],
  ...['\x85', '\x86', '\x87', 't', 'l', 'd', 'e', 'a', 'u', 's', 'R', 'b', 'o', '\x81', 'Q', '\x93', '\x94', '\x97'],
  ...['\x98', 'h\x00', 'j\xff\xff\xff\xff', 'q\x00', 'r\xff\xff\xff\x7f', '\x95\xff\xff\xff\xff\xff\xff\xff\x7f'],
  ...['\x8a\xff', '\x8b\xff\xff\xff\x7f', '\x8bX\x02\x00\x00', 'X\xff\xff\xff\xff', 'X\x00\x00\x00\x00', '\x8c\xff'],
  ...['\x8d\xff\xff\xff\xff\xff\xff\xff\xff', '\x8e\xff\xff\xff\xff\x00\x00\x00\x00', 'T\xff\xff\xff\x7f', 'B\x00'],
  ...['\x96\xff\xff\xff\xff\xff\xff\xff\x7f', 'C\x10', 'I01\n', 'I\n', 'L\n', 'L123L\n', 'F\n', 'F1e999\n', "S'a'\n"],
  ...["S'\n", 'V\\uD800\n', 'P1\n', 'g0\n', 'p0\n', 'g-1\n', 'cos\nsystem\n', 'c\n\n', 'ios\nsystem\n'],
  ...['ctorch._utils\n_rebuild_tensor_v2\n', 'ctorch\nFloatStorage\n', 'ccollections\nOrderedDict\n', '\x82\x01'],
  ...['2\x86'.repeat(64), '(l'.repeat(600), '\x94h\x00\x86'.repeat(40)],
  // Zip: signatures of each record, a zip64 field.
  ...['PK\x01\x02', 'PK\x03\x04', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07', 'PK\x07\x08', '\x01\x00\x18\x00'],
  // JSON and safetensors.
  ...['{', '}', '[', ']', ',', ':', '"', '\\', '\\u', '"dtype":"F32"', '"shape":[]', '"data_offsets":[0,0]'],
  ...['"__metadata__":{}', '"__proto__":{}', '[4294967296,4294967296]', '\xef\xbb\xbf', '\x00', '\xff\xfe', '\u00a0'],
  // Beginnings of other formats.
  ...['\x89HDF\r\n\x1a\n', 'GGUF', '\x93NUMPY\x01\x00', '\x1f\x8b\x08', 'version https://git-lfs', '<!DOCTYPE html>'],
]

function place(bytes: Uint8Array, random: Random): number {
  const where = random.below(8)
  if (where < 2) return Math.min(random.below(64), bytes.length)
  if (where < 4) return random.below(Math.min(EDGE, bytes.length))
  if (where < 6) return Math.max(0, bytes.length - 1 - random.below(Math.min(EDGE, bytes.length)))
  return random.below(bytes.length + 1)
}

function inserted(bytes: Uint8Array, at: number, part: Uint8Array): Uint8Array {
  return joined(bytes.subarray(0, at), part, bytes.subarray(at))
}

function readInteger(view: DataView, at: number, width: number): bigint {
  if (width === 8) return view.getBigUint64(at, true)
  return BigInt(width === 4 ? view.getUint32(at, true) : view.getUint16(at, true))
}

function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
