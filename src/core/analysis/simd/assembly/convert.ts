// What has no kernel of its own is widened first: to float32 where that is exact, to float64 where it is not.

import { BF16, F16, F32, first4, last4 } from './lanes'

/** Infinities and NaN included. */
export function widenF16(from: usize, n: i32, to: usize): void {
  for (let i = 0; i < n; i += 8, from += 16, to += 32) {
    const raw = v128.load(from)
    v128.store(to, withSpecial(first4<F16>(from), i32x4.extend_low_i16x8_s(raw)))
    v128.store(to, withSpecial(last4<F16>(from), i32x4.extend_high_i16x8_s(raw)), 16)
  }
}

@inline
function withSpecial(value: v128, half: v128): v128 {
  const special = i32x4.eq(v128.and(half, i32x4.splat(0x7c00)), i32x4.splat(0x7c00))
  return v128.or(value, v128.and(special, i32x4.splat(0x7f800000)))
}

export function widenBF16(from: usize, n: i32, to: usize): void {
  for (let i = 0; i < n; i += 8, from += 16, to += 32) {
    v128.store(to, first4<BF16>(from))
    v128.store(to, last4<BF16>(from), 16)
  }
}

/** Looks every byte up in 256 values of float32. */
export function widenTable(from: usize, n: i32, to: usize, table: usize): void {
  for (let i = 0; i < n; i++, to += 4) store<u32>(to, load<u32>(table + (usize(load<u8>(from + i)) << 2)))
}

@inline
function widen<From, To>(from: usize, n: i32, to: usize): void {
  for (let i = 0; i < n; i++, from += sizeof<From>(), to += sizeof<To>()) store<To>(to, <To>load<From>(from))
}

export function widenU16(from: usize, n: i32, to: usize): void {
  widen<u16, f32>(from, n, to)
}
export function widenI16(from: usize, n: i32, to: usize): void {
  widen<i16, f32>(from, n, to)
}
export function widenI32(from: usize, n: i32, to: usize): void {
  widen<i32, f64>(from, n, to)
}
export function widenU32(from: usize, n: i32, to: usize): void {
  widen<u32, f64>(from, n, to)
}
export function widenI64(from: usize, n: i32, to: usize): void {
  widen<i64, f64>(from, n, to)
}
export function widenU64(from: usize, n: i32, to: usize): void {
  widen<u64, f64>(from, n, to)
}

/** Float32 to float64, from the end, so that both may be one place. */
export function widenF32(from: usize, n: i32, to: usize): void {
  for (let i = n - 1; i >= 0; i--) store<f64>(to + (usize(i) << 3), f64(load<f32>(from + (usize(i) << 2))))
}

/**
 * Makes n elements finite: NaN and infinities take the place of the first finite value. `out` takes, as float64, how many
 * were NaN, how many infinite.
 */
@inline
function settle<T>(a: usize, n: i32, out: usize): void {
  let good: T = 0
  for (let i = 0; i < n; i++) {
    const v = load<T>(a + usize(i) * sizeof<T>())
    if (v - v == 0) {
      good = v
      break
    }
  }
  let nan = 0
  let inf = 0
  for (let i = 0; i < n; i++) {
    const at = a + usize(i) * sizeof<T>()
    const v = load<T>(at)
    if (v - v == 0) continue
    if (v != v) nan++
    else inf++
    store<T>(at, good)
  }
  store<f64>(out, f64(nan))
  store<f64>(out, f64(inf), 8)
}

export function settleF32(a: usize, n: i32, out: usize): void {
  settle<f32>(a, n, out)
}
export function settleF64(a: usize, n: i32, out: usize): void {
  settle<f64>(a, n, out)
}

/**
 * Makes n pairs finite: where either is not, both become 0. `out` takes how many such pairs there were, how many of them
 * differ, how many are NaN in b only, and in a only.
 */
@inline
function settlePairs<T>(a: usize, b: usize, n: i32, out: usize): void {
  let odd = 0
  let differ = 0
  let became = 0
  let was = 0
  for (let i = 0; i < n; i++, a += sizeof<T>(), b += sizeof<T>()) {
    const x = load<T>(a)
    const y = load<T>(b)
    if (x - x == 0 && y - y == 0) continue
    odd++
    const nanA = x != x
    const nanB = y != y
    if (x != y && !(nanA && nanB)) differ++
    if (nanB && !nanA) became++
    if (nanA && !nanB) was++
    store<T>(a, 0)
    store<T>(b, 0)
  }
  store<f64>(out, f64(odd))
  store<f64>(out, f64(differ), 8)
  store<f64>(out, f64(became), 16)
  store<f64>(out, f64(was), 24)
}

export function settlePairsF32(a: usize, b: usize, n: i32, out: usize): void {
  settlePairs<f32>(a, b, n, out)
}
export function settlePairsF64(a: usize, b: usize, n: i32, out: usize): void {
  settlePairs<f64>(a, b, n, out)
}
