/** Element types, named as torch prints them without `torch.`. */
export const DTYPES = {
  bool: { bytes: 1, safetensors: 'BOOL' },
  uint8: { bytes: 1, safetensors: 'U8' },
  int8: { bytes: 1, safetensors: 'I8' },
  int16: { bytes: 2, safetensors: 'I16' },
  uint16: { bytes: 2, safetensors: 'U16' },
  int32: { bytes: 4, safetensors: 'I32' },
  uint32: { bytes: 4, safetensors: 'U32' },
  int64: { bytes: 8, safetensors: 'I64' },
  uint64: { bytes: 8, safetensors: 'U64' },
  float16: { bytes: 2, safetensors: 'F16' },
  bfloat16: { bytes: 2, safetensors: 'BF16' },
  float32: { bytes: 4, safetensors: 'F32' },
  float64: { bytes: 8, safetensors: 'F64' },
  float8_e4m3fn: { bytes: 1, safetensors: 'F8_E4M3' },
  float8_e5m2: { bytes: 1, safetensors: 'F8_E5M2' },
  float8_e4m3fnuz: { bytes: 1, safetensors: 'F8_E4M3FNUZ' },
  float8_e5m2fnuz: { bytes: 1, safetensors: 'F8_E5M2FNUZ' },
  float8_e8m0fnu: { bytes: 1, safetensors: 'F8_E8M0' },
  /** Two values a byte; one element here is one byte, as in torch's shapes (`_x2`). */
  float4_e2m1fn_x2: { bytes: 1, safetensors: 'F4' },
  complex32: { bytes: 4, safetensors: undefined },
  complex64: { bytes: 8, safetensors: 'C64' },
  complex128: { bytes: 16, safetensors: undefined },
} as const satisfies Record<string, { bytes: number; safetensors: string | undefined }>

export type DType = keyof typeof DTYPES

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  return DTYPES[dtype].bytes
}

export function isFloating(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16'
}

export function isComplex(dtype: DType): boolean {
  return dtype.startsWith('complex')
}
