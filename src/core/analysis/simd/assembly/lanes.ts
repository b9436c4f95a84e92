// Eight elements of a floating dtype, as lanes of float32 and of float64.

export class F32 {}
export class F16 {}
export class BF16 {}
export class F64 {}

/** Bytes that eight elements take. */
@inline
export function step8<T>(): usize {
  return idof<T>() == idof<F64>() ? 64 : idof<T>() == idof<F32>() ? 32 : 16
}

/** The first four of eight elements, widened exactly. Infinities and NaN of float16 come out as 65536 and more. */
@inline
export function first4<T>(address: usize): v128 {
  if (idof<T>() == idof<F32>()) return v128.load(address)
  if (idof<T>() == idof<F16>()) return widenF16(v128.load16x4_s(address))
  return i32x4.shl(v128.load16x4_u(address), 16)
}

/** The last four. */
@inline
export function last4<T>(address: usize): v128 {
  if (idof<T>() == idof<F32>()) return v128.load(address, 16)
  if (idof<T>() == idof<F16>()) return widenF16(v128.load16x4_s(address, 8))
  return i32x4.shl(v128.load16x4_u(address, 8), 16)
}

/**
 * Exponent and fraction of float16 move into place and the bias grows by 112. Denormals get the exponent of the smallest
 * normal value, whose implicit one is then taken off again: a float32 denormal would cost a hundred cycles in any sum.
 */
@inline
function widenF16(half: v128): v128 {
  const bits = i32x4.shl(half, 13)
  const size = v128.and(bits, i32x4.splat(0x0fffe000))
  const one = v128.and(i32x4.lt_s(size, i32x4.splat(0x00800000)), i32x4.splat(0x38800000))
  const value = f32x4.sub(i32x4.add(size, i32x4.max_s(one, i32x4.splat(0x38000000))), one)
  return v128.or(value, v128.and(bits, i32x4.splat(0x80000000)))
}

/** Lanes 0 and 1 of float32 as float64. */
@inline
export function lower(x: v128): v128 {
  return f64x2.promote_low_f32x4(x)
}

/** Lanes 2 and 3. */
@inline
export function upper(x: v128): v128 {
  return f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 1))
}

/** Lanes 0 and 1 of the four float32 at an address: from memory they are widened without the shuffle that it takes from a register. */
@inline
export function lowerAt(address: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(address))
}

/** Lanes 2 and 3. */
@inline
export function upperAt(address: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(address, 8))
}

/** sum + a² + b², a square rounded with its sum where the engine can do so. */
@inline
export function addSquares(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.add(sum, f64x2.relaxed_madd(b, b, f64x2.mul(a, a)))
  return f64x2.add(sum, f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b)))
}

/** A constant that is to stay in a register, by way of the memory at `place`: one that they see, engines make anew each time. */
@inline
export function kept(constant: v128, place: usize): v128 {
  v128.store(place, constant)
  return v128.load(place)
}

@inline
export function total(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)
}

@inline
export function greatest(x: v128): f64 {
  return max(f64x2.extract_lane(x, 0), f64x2.extract_lane(x, 1))
}

@inline
export function least(x: v128): f64 {
  return min(f64x2.extract_lane(x, 0), f64x2.extract_lane(x, 1))
}

/** Sum of the lanes of a counter that masks were subtracted from. */
@inline
export function count4(x: v128): f64 {
  return f64(
    i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3),
  )
}

@inline
export function count2(x: v128): f64 {
  return f64(i64x2.extract_lane(x, 0) + i64x2.extract_lane(x, 1))
}
