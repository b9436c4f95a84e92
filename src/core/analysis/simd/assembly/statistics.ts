import { addSquares, count2, count4, greatest, least, lower, lowerAt, total, upper, upperAt } from './lanes'

/**
 * Measures n elements of float32, a multiple of 8. `out` takes, as float64: the sum of x - s and of its squares, the least, the
 * greatest, the smallest size, and s; where `around`, s is the first element (far from zero nothing is lost), else it is 0.
 * Where an element is not finite, so are the sums.
 */
@inline
function measure(a: usize, n: i32, around: bool, out: usize): void {
  let least4 = v128.load(a)
  let greatest4 = least4
  let doubled = i32x4.splat(-1)
  const shift = f64x2.splat(around ? f64(load<f32>(a)) : 0)
  let sum = f64x2.splat(0)
  let squares = f64x2.splat(0)
  for (const end = a + (usize(n) << 2); a < end; a += 32) {
    const x = v128.load(a)
    const u = v128.load(a, 16)
    least4 = f32x4.pmin(least4, f32x4.pmin(x, u))
    greatest4 = f32x4.pmax(greatest4, f32x4.pmax(x, u))
    // a pattern doubled has lost its sign
    doubled = i32x4.min_u(doubled, i32x4.min_u(i32x4.add(x, x), i32x4.add(u, u)))
    let x0 = lowerAt(a)
    let x1 = upperAt(a)
    let u0 = lowerAt(a + 16)
    let u1 = upperAt(a + 16)
    if (around) {
      x0 = f64x2.sub(x0, shift)
      x1 = f64x2.sub(x1, shift)
      u0 = f64x2.sub(u0, shift)
      u1 = f64x2.sub(u1, shift)
    }
    sum = f64x2.add(sum, f64x2.add(f64x2.add(x0, x1), f64x2.add(u0, u1)))
    squares = addSquares(addSquares(squares, x0, x1), u0, u1)
  }
  store<f64>(out, total(sum))
  store<f64>(out, total(squares), 8)
  store<f64>(out, min(least(lower(least4)), least(upper(least4))), 16)
  store<f64>(out, max(greatest(lower(greatest4)), greatest(upper(greatest4))), 24)
  const size = i32x4.shr_u(doubled, 1)
  store<f64>(out, min(least(lower(size)), least(upper(size))), 32)
  store<f64>(out, f64x2.extract_lane(shift, 0), 40)
}

export function measureF32(a: usize, n: i32, out: usize): void {
  measure(a, n, false, out)
}

export function measureAroundF32(a: usize, n: i32, out: usize): void {
  measure(a, n, true, out)
}

/** As the others. */
@inline
function measureWide(a: usize, n: i32, around: bool, out: usize): void {
  const shift = f64x2.splat(around ? load<f64>(a) : 0)
  let low = v128.load(a)
  let high = low
  let size = f64x2.splat(Infinity)
  let sum = f64x2.splat(0)
  let squares = f64x2.splat(0)
  for (const end = a + (usize(n) << 3); a < end; a += 16) {
    const x = v128.load(a)
    low = f64x2.pmin(low, x)
    high = f64x2.pmax(high, x)
    size = f64x2.pmin(size, f64x2.abs(x))
    const d = around ? f64x2.sub(x, shift) : x
    sum = f64x2.add(sum, d)
    squares = f64x2.add(squares, f64x2.mul(d, d))
  }
  store<f64>(out, total(sum))
  store<f64>(out, total(squares), 8)
  store<f64>(out, least(low), 16)
  store<f64>(out, greatest(high), 24)
  store<f64>(out, least(size), 32)
  store<f64>(out, f64x2.extract_lane(shift, 0), 40)
}

export function measureF64(a: usize, n: i32, out: usize): void {
  measureWide(a, n, false, out)
}

export function measureAroundF64(a: usize, n: i32, out: usize): void {
  measureWide(a, n, true, out)
}

/** How many of n elements, a multiple of 8, are zero, and how many are smaller than `normal`. */
export function countSmallF32(a: usize, n: i32, normal: f32, out: usize): void {
  let zeros = i32x4.splat(0)
  let small = i32x4.splat(0)
  const limit = i32x4.splat(reinterpret<i32>(normal))
  for (const end = a + (usize(n) << 2); a < end; a += 16) {
    const size = f32x4.abs(v128.load(a))
    zeros = i32x4.sub(zeros, i32x4.eq(size, i32x4.splat(0)))
    small = i32x4.sub(small, i32x4.lt_s(size, limit))
  }
  store<f64>(out, count4(zeros))
  store<f64>(out, count4(small), 8)
}

export function countSmallF64(a: usize, n: i32, normal: f64, out: usize): void {
  let zeros = i64x2.splat(0)
  let small = i64x2.splat(0)
  const limit = f64x2.splat(normal)
  for (const end = a + (usize(n) << 3); a < end; a += 16) {
    const size = f64x2.abs(v128.load(a))
    zeros = i64x2.sub(zeros, f64x2.eq(size, f64x2.splat(0)))
    small = i64x2.sub(small, f64x2.lt(size, limit))
  }
  store<f64>(out, count2(zeros))
  store<f64>(out, count2(small), 8)
}

/** Counts into equal bins over [low, high]; `perHalf` is bins over half the width. */
@inline
function bin(v: f64, low: f64, high: f64, perHalf: f64, bins: i32, counts: usize): void {
  if (!(v >= low && v <= high)) return
  const slot = counts + (usize(min(i32((v / 2 - low / 2) * perHalf), bins - 1)) << 2)
  store<u32>(slot, load<u32>(slot) + 1)
}

export function histogramF32(a: usize, n: i32, low: f64, high: f64, perHalf: f64, bins: i32, counts: usize): void {
  for (let i = 0; i < n; i++, a += 4) bin(f64(load<f32>(a)), low, high, perHalf, bins, counts)
}

export function histogramF64(a: usize, n: i32, low: f64, high: f64, perHalf: f64, bins: i32, counts: usize): void {
  for (let i = 0; i < n; i++, a += 8) bin(load<f64>(a), low, high, perHalf, bins, counts)
}
