import { add4, addSquares, BF16, count2, count4, F16, F32, F64, first4, greatest, last4, lower, step8, total, upper } from './lanes'

/**
 * Compares n elements, a multiple of 8. `out` takes, as float64: how many differ, the largest difference, the sums of
 * |b - a|, (b - a)², a², b², and the largest pattern without its sign (float16 only). Where an element is not finite, so are
 * the sums; of float16, the pattern tells.
 */
@inline
function compareNarrow<T>(a: usize, b: usize, n: i32, out: usize): void {
  // engines make the mask of f64x2.abs anew each time
  const unsigned = i64x2.splat(0x7fffffffffffffff)
  let changed = i32x4.splat(0)
  let most = f64x2.splat(0)
  let distance = f64x2.splat(0)
  let squares = f64x2.splat(0)
  let squaresA = f64x2.splat(0)
  let squaresB = f64x2.splat(0)
  let pattern = i16x8.splat(0)
  const step = step8<T>()
  const end = a + usize(n >> 3) * step
  while (a < end) {
    const x = first4<T>(a)
    const u = last4<T>(a)
    const y = first4<T>(b)
    const w = last4<T>(b)
    if (idof<T>() == idof<F16>()) {
      const low = v128.and(v128.load(a), i16x8.splat(0x7fff))
      pattern = i16x8.max_s(pattern, i16x8.max_s(low, v128.and(v128.load(b), i16x8.splat(0x7fff))))
    }
    a += step
    b += step
    const x0 = lower(x)
    const x1 = upper(x)
    const u0 = lower(u)
    const u1 = upper(u)
    const differ = f32x4.ne(x, y)
    const differ4 = f32x4.ne(u, w)
    if (v128.any_true(v128.or(differ, differ4))) {
      squaresA = addSquares(squaresA, x0, x1, u0, u1)
      const y0 = lower(y)
      const y1 = upper(y)
      const w0 = lower(w)
      const w1 = upper(w)
      squaresB = addSquares(squaresB, y0, y1, w0, w1)
      changed = i32x4.sub(changed, i32x4.add(differ, differ4))
      const d0 = v128.and(f64x2.sub(y0, x0), unsigned)
      const d1 = v128.and(f64x2.sub(y1, x1), unsigned)
      const e0 = v128.and(f64x2.sub(w0, u0), unsigned)
      const e1 = v128.and(f64x2.sub(w1, u1), unsigned)
      most = f64x2.pmax(most, f64x2.pmax(f64x2.pmax(d0, d1), f64x2.pmax(e0, e1)))
      distance = add4(distance, d0, d1, e0, e1)
      squares = addSquares(squares, d0, d1, e0, e1)
    } else {
      const same = addSquares(f64x2.splat(0), x0, x1, u0, u1)
      squaresA = f64x2.add(squaresA, same)
      squaresB = f64x2.add(squaresB, same)
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

@inline
function greatestPattern(x: v128): f64 {
  x = i16x8.max_s(x, i64x2.shuffle(x, x, 1, 0))
  x = i16x8.max_s(x, i32x4.shuffle(x, x, 1, 0, 3, 2))
  return f64(max(i16x8.extract_lane_s(x, 0), i16x8.extract_lane_s(x, 1)))
}

export function compareF32(a: usize, b: usize, n: i32, out: usize): void {
  compareNarrow<F32>(a, b, n, out)
}
export function compareF16(a: usize, b: usize, n: i32, out: usize): void {
  compareNarrow<F16>(a, b, n, out)
}
export function compareBF16(a: usize, b: usize, n: i32, out: usize): void {
  compareNarrow<BF16>(a, b, n, out)
}

/** As the others. */
export function compareF64(a: usize, b: usize, n: i32, out: usize): void {
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
