import type { DType } from '../checkpoint/dtype'

/** Smallest normal value by its dtype: 2 ** (1 - bias), as torch.finfo(...).smallest_normal; e8m0 is never denormal. */
const SMALLEST_NORMAL: Partial<Record<DType, number>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float32: 2 ** -126,
  float64: 2 ** -1022,
  float8_e4m3fn: 2 ** -6,
  float8_e5m2: 2 ** -14,
  float8_e4m3fnuz: 2 ** -7,
  float8_e5m2fnuz: 2 ** -15,
  float4_e2m1fn_x2: 1,
  complex32: 2 ** -14,
  complex64: 2 ** -126,
  complex128: 2 ** -1022,
}

/** Values other than zero between this and its negative are denormal; 0 where a dtype has none (of a complex one: its parts). */
export function smallestNormal(dtype: DType): number {
  return SMALLEST_NORMAL[dtype] ?? 0
}
