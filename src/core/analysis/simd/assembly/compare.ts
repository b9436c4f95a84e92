import { addSquares, BF16, count2, count4, F16, F32, first4, greatest, kept, last4, lower, lowerAt, total, upper, upperAt } from './lanes'

/** Elements of either side that are widened at a time: they stay in a core's first cache. */
const CHUNK: i32 = 512
/** Bytes from one side's chunk to the other's. */
const APART: usize = 2048

/**
 * Compares n elements, a multiple of 8. `out` takes, as float64: how many differ, the largest difference, the sums of
 * |b - a|, (b - a)², a², b², and the largest pattern without its sign, doubled (float16 only). Where an element is not finite,
 * so are the sums; of float16, the pattern tells. `scratch` has room for a chunk of both sides as float32.
 */
@inline
function compareNarrow<T>(a: usize, b: usize, n: i32, scratch: usize, out: usize): void {
  const unsigned = kept(i64x2.splat(0x7fffffffffffffff), out)
  let changed = i32x4.splat(0)
  let most = f64x2.splat(0)
  let distance = f64x2.splat(0)
  let squares = f64x2.splat(0)
  let squaresA = f64x2.splat(0)
  let squaresB = f64x2.splat(0)
  let pattern = i16x8.splat(0)
  while (n > 0) {
    let x = a
    let y = b
    let count = n
    if (idof<T>() != idof<F32>()) {
      x = scratch
      y = scratch + APART
      count = min(n, CHUNK)
      pattern = i16x8.max_u(pattern, i16x8.max_u(widen<T>(a, count, x), widen<T>(b, count, y)))
      a += usize(count) << 1
      b += usize(count) << 1
    }
    n -= count
    for (const end = x + (usize(count) << 2); x < end; x += 16, y += 16) {
      const x0 = lowerAt(x)
      const x1 = upperAt(x)
      squaresA = addSquares(squaresA, x0, x1)
      const y0 = lowerAt(y)
      const y1 = upperAt(y)
      squaresB = addSquares(squaresB, y0, y1)
      const d0 = v128.and(f64x2.sub(y0, x0), unsigned)
      const d1 = v128.and(f64x2.sub(y1, x1), unsigned)
      squares = addSquares(squares, d0, d1)
      distance = f64x2.add(distance, f64x2.add(d0, d1))
      most = f64x2.pmax(most, f64x2.pmax(d0, d1))
      changed = i32x4.sub(changed, f32x4.ne(v128.load(x), v128.load(y)))
    }
  }
  store<f64>(out, count4(changed))
  store<f64>(out, greatest(most), 8)
  store<f64>(out, total(distance), 16)
  store<f64>(out, total(squares), 24)
  store<f64>(out, total(squaresA), 32)
  store<f64>(out, total(squaresB), 40)
  store<f64>(out, greatestPattern(pattern), 48)
}

/** Widens n elements, a multiple of 8, in whatever order is cheapest. The largest patterns without their sign, doubled, of float16. */
@inline
function widen<T>(from: usize, n: i32, to: usize): v128 {
  let pattern = i16x8.splat(0)
  const high = kept(i32x4.splat(0xffff0000), to)
  for (const end = from + (usize(n) << 1); from < end; from += 16, to += 32) {
    const raw = v128.load(from)
    if (idof<T>() == idof<F16>()) {
      v128.store(to, first4<F16>(from))
      v128.store(to, last4<F16>(from), 16)
      pattern = i16x8.max_u(pattern, i16x8.add(raw, raw))
    } else {
      v128.store(to, i32x4.shl(raw, 16))
      v128.store(to, v128.and(raw, high), 16)
    }
  }
  return pattern
}

@inline
function greatestPattern(x: v128): f64 {
  x = i16x8.max_u(x, i64x2.shuffle(x, x, 1, 0))
  x = i16x8.max_u(x, i32x4.shuffle(x, x, 1, 0, 3, 2))
  return f64(max(i16x8.extract_lane_u(x, 0), i16x8.extract_lane_u(x, 1)))
}

export function compareF32(a: usize, b: usize, n: i32, scratch: usize, out: usize): void {
  compareNarrow<F32>(a, b, n, scratch, out)
}
export function compareF16(a: usize, b: usize, n: i32, scratch: usize, out: usize): void {
  compareNarrow<F16>(a, b, n, scratch, out)
}
export function compareBF16(a: usize, b: usize, n: i32, scratch: usize, out: usize): void {
  compareNarrow<BF16>(a, b, n, scratch, out)
}

/** As the others. */
export function compareF64(a: usize, b: usize, n: i32, scratch: usize, out: usize): void {
  let changed = i64x2.splat(0)
  let most = f64x2.splat(0)
  let distance = f64x2.splat(0)
  let squares = f64x2.splat(0)
  let squaresA = f64x2.splat(0)
  let squaresB = f64x2.splat(0)
  const end = a + (usize(n) << 3)
  for (; a < end; a += 16, b += 16) {
    const x = v128.load(a)
    const y = v128.load(b)
    const d = f64x2.abs(f64x2.sub(y, x))
    changed = i64x2.sub(changed, f64x2.ne(x, y))
    most = f64x2.pmax(most, d)
    distance = f64x2.add(distance, d)
    squares = f64x2.add(squares, f64x2.mul(d, d))
    squaresA = f64x2.add(squaresA, f64x2.mul(x, x))
    squaresB = f64x2.add(squaresB, f64x2.mul(y, y))
  }
  store<f64>(out, count2(changed))
  store<f64>(out, greatest(most), 8)
  store<f64>(out, total(distance), 16)
  store<f64>(out, total(squares), 24)
  store<f64>(out, total(squaresA), 32)
  store<f64>(out, total(squaresB), 40)
  store<f64>(out, 0, 48)
}

/** Sum of a b over n elements of float32, a multiple of 8. */
export function dotF32(a: usize, b: usize, n: i32): f64 {
  let sum = f64x2.splat(0)
  const end = a + (usize(n) << 2)
  for (; a < end; a += 16, b += 16) {
    const x = v128.load(a)
    const y = v128.load(b)
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(lower(x), lower(y)), f64x2.mul(upper(x), upper(y))))
  }
  return total(sum)
}

export function dotF64(a: usize, b: usize, n: i32): f64 {
  let sum = f64x2.splat(0)
  const end = a + (usize(n) << 3)
  for (; a < end; a += 16, b += 16) sum = f64x2.add(sum, f64x2.mul(v128.load(a), v128.load(b)))
  return total(sum)
}

/** How many of n float32 pairs have |b - a| > atol + rtol |a|. */
export function beyondF32(a: usize, b: usize, n: i32, atol: f64, rtol: f64): i32 {
  let beyond = 0
  for (let i = 0; i < n; i++, a += 4, b += 4) {
    const x = f64(load<f32>(a))
    beyond += i32(abs(f64(load<f32>(b)) - x) > atol + rtol * abs(x))
  }
  return beyond
}

export function beyondF64(a: usize, b: usize, n: i32, atol: f64, rtol: f64): i32 {
  let beyond = 0
  for (let i = 0; i < n; i++, a += 8, b += 8) {
    const x = load<f64>(a)
    beyond += i32(abs(load<f64>(b) - x) > atol + rtol * abs(x))
  }
  return beyond
}

/** How many of n elements of 8 bytes are not the same bytes. */
export function differing64(a: usize, b: usize, n: i32): i32 {
  let differ = 0
  for (let i = 0; i < n; i++, a += 8, b += 8) differ += i32(load<i64>(a) != load<i64>(b))
  return differ
}

/**
 * The greatest distance in representable values of n pairs. A pattern without its sign counts from zero up; those whose
 * exponent is all ones, as `special` has it, are left out.
 */
@inline
function furthest<Pattern>(a: usize, b: usize, n: i32, special: u64): f64 {
  const size = sizeof<Pattern>()
  const sign = u64(1) << (u64(size) * 8 - 1)
  let most: u64 = 0
  for (let i = 0; i < n; i++, a += size, b += size) {
    const x = u64(load<Pattern>(a))
    const y = u64(load<Pattern>(b))
    if ((x & special) == special || (y & special) == special) continue
    const p = x & ~sign
    const q = y & ~sign
    const apart = ((x ^ y) & sign) == 0 ? (p > q ? p - q : q - p) : p + q
    if (apart > most) most = apart
  }
  return f64(most)
}

export function furthest16(a: usize, b: usize, n: i32, special: u32): f64 {
  return furthest<u16>(a, b, n, special)
}
export function furthest32(a: usize, b: usize, n: i32): f64 {
  return furthest<u32>(a, b, n, 0x7f800000)
}
export function furthest64(a: usize, b: usize, n: i32): f64 {
  return furthest<u64>(a, b, n, 0x7ff0000000000000)
}
