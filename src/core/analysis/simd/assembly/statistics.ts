import { add4, addSquares, BF16, count2, count4, F16, F32, F64, first4, greatest, last4, least, lower, step8, total, upper } from './lanes'

/**
 * Measures n elements, a multiple of 8. `out` takes, as float64: the sum of x - s and of its squares, the least, the greatest,
 * how many are smaller than `normal`, zeros among them, and s; where `around`, s is the first element (far from zero nothing is
 * lost) and how many are zero follows, else s is 0. Where an element is not finite, so are the sums; of float16 the least or
 * greatest is then beyond 65535.
 */
@inline
function measure<T>(a: usize, n: i32, normal: f32, around: bool, out: usize): void {
  const step = step8<T>()
  const end = a + usize(n >> 3) * step
  let least4 = first4<T>(a)
  let greatest4 = least4
  const shift = f64x2.splat(around ? f64(f32x4.extract_lane(least4, 0)) : 0)
  const smallest = i32x4.splat(reinterpret<i32>(normal))
  const unsigned = i32x4.splat(0x7fffffff)
  let zeros = i32x4.splat(0)
  let tiny = i32x4.splat(0)
  let sum = f64x2.splat(0)
  let squares = f64x2.splat(0)
  for (; a < end; a += step) {
    const x = first4<T>(a)
    const u = last4<T>(a)
    least4 = f32x4.pmin(least4, f32x4.pmin(x, u))
    greatest4 = f32x4.pmax(greatest4, f32x4.pmax(x, u))
    tiny = i32x4.sub(tiny, i32x4.lt_s(v128.and(x, unsigned), smallest))
    tiny = i32x4.sub(tiny, i32x4.lt_s(v128.and(u, unsigned), smallest))
    let x0 = lower(x)
    let x1 = upper(x)
    let u0 = lower(u)
    let u1 = upper(u)
    if (around) {
      zeros = i32x4.sub(zeros, i32x4.add(f32x4.eq(x, f32x4.splat(0)), f32x4.eq(u, f32x4.splat(0))))
      x0 = f64x2.sub(x0, shift)
      x1 = f64x2.sub(x1, shift)
      u0 = f64x2.sub(u0, shift)
      u1 = f64x2.sub(u1, shift)
    }
    sum = add4(sum, x0, x1, u0, u1)
    squares = addSquares(squares, x0, x1, u0, u1)
  }
  store<f64>(out, total(sum))
  store<f64>(out, total(squares), 8)
  store<f64>(out, min(least(lower(least4)), least(upper(least4))), 16)
  store<f64>(out, max(greatest(lower(greatest4)), greatest(upper(greatest4))), 24)
  store<f64>(out, count4(tiny), 32)
  store<f64>(out, f64x2.extract_lane(shift, 0), 40)
  store<f64>(out, count4(zeros), 48)
}

export function measureF32(a: usize, n: i32, normal: f32, out: usize): void {
  measure<F32>(a, n, normal, false, out)
}
export function measureF16(a: usize, n: i32, normal: f32, out: usize): void {
  measure<F16>(a, n, normal, false, out)
}
export function measureBF16(a: usize, n: i32, normal: f32, out: usize): void {
  measure<BF16>(a, n, normal, false, out)
}

/** How many of n elements, a multiple of 8, are zero. */
@inline
function zeros<T>(a: usize, n: i32): i32 {
  const step = step8<T>()
  const end = a + usize(n >> 3) * step
  let count = i32x4.splat(0)
  for (; a < end; a += step) {
    count = i32x4.sub(count, f32x4.eq(first4<T>(a), f32x4.splat(0)))
    count = i32x4.sub(count, f32x4.eq(last4<T>(a), f32x4.splat(0)))
  }
  return i32(count4(count))
}

export function zerosF32(a: usize, n: i32): i32 {
  return zeros<F32>(a, n)
}
export function zerosF16(a: usize, n: i32): i32 {
  return zeros<F16>(a, n)
}
export function zerosBF16(a: usize, n: i32): i32 {
  return zeros<BF16>(a, n)
}

export function measureAroundF32(a: usize, n: i32, normal: f32, out: usize): void {
  measure<F32>(a, n, normal, true, out)
}
export function measureAroundF16(a: usize, n: i32, normal: f32, out: usize): void {
  measure<F16>(a, n, normal, true, out)
}
export function measureAroundBF16(a: usize, n: i32, normal: f32, out: usize): void {
  measure<BF16>(a, n, normal, true, out)
}

/** As the others, around the first element. */
export function measureAroundF64(a: usize, n: i32, normal: f64, out: usize): void {
  const end = a + (usize(n) << 3)
  const shift = f64x2.splat(load<f64>(a))
  let low = shift
  let high = shift
  let zeros = i64x2.splat(0)
  let tiny = i64x2.splat(0)
  let sum = f64x2.splat(0)
  let squares = f64x2.splat(0)
  for (; a < end; a += 16) {
    const x = v128.load(a)
    low = f64x2.pmin(low, x)
    high = f64x2.pmax(high, x)
    zeros = i64x2.sub(zeros, f64x2.eq(x, f64x2.splat(0)))
    tiny = i64x2.sub(tiny, f64x2.lt(f64x2.abs(x), f64x2.splat(normal)))
    const d = f64x2.sub(x, shift)
    sum = f64x2.add(sum, d)
    squares = f64x2.add(squares, f64x2.mul(d, d))
  }
  store<f64>(out, total(sum))
  store<f64>(out, total(squares), 8)
  store<f64>(out, least(low), 16)
  store<f64>(out, greatest(high), 24)
  store<f64>(out, count2(tiny), 32)
  store<f64>(out, f64x2.extract_lane(shift, 0), 40)
  store<f64>(out, count2(zeros), 48)
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
