import { decodeValues } from '../analysis/decode-values'
import { type DType, isFloating } from '../checkpoint/dtype'
import { AssayError } from '../errors'
import type { OutputTensor } from '../write/output'

/** Values that a rounding does not keep: finite ones that become infinite, others that become 0. */
export interface Tally {
  overflow: number
  underflow: number
}

/** What `--dtype` offers. */
const CAST_TARGETS = ['float32', 'float16', 'bfloat16'] as const satisfies readonly DType[]
/** The same to look a dtype up in. */
export const castTargets: ReadonlySet<DType> = new Set<DType>(CAST_TARGETS)
export type CastTarget = (typeof CAST_TARGETS)[number]

/** The dtype called `name`. Throws `usage` when it is none that weights are rounded to. */
export function castTargetOf(name: string): CastTarget {
  const target = CAST_TARGETS.find((each) => each === name)
  if (target) return target
  throw new AssayError('usage', `Weights are not rounded to ${name}`, {
    hint: `Choose one of ${CAST_TARGETS.join(', ')}`,
  })
}

/**
 * The tensor with its values rounded to `target` as `torch.Tensor.to` rounds them: to nearest, ties to even, overflow to
 * infinity, denormals kept; float64 goes through float32 first (pytorch v2.13 `c10/util/Half.h`, `BFloat16.h`). NaN stays NaN,
 * its payload does not. Integers, booleans, complex numbers and packed 4-bit pairs are left as they are.
 */
export function castTo(tensor: OutputTensor, target: CastTarget, tally?: Tally): OutputTensor {
  const { dtype } = tensor
  if (!isFloating(dtype) || dtype === target || dtype === 'float4_e2m1fn_x2') return tensor
  return {
    ...tensor,
    dtype: target,
    isVerbatim: false,
    async *blocks(signal) {
      for await (const block of tensor.blocks(signal)) {
        const values = decodeValues(dtype, block)
        const rounded = ROUND[target](values)
        if (tally) count(values, rounded, target, tally)
        yield rounded
      }
    },
  }
}

/** The values as the bytes of a floating dtype, rounded as `castTo` rounds. */
export function rounded(values: Float64Array, target: CastTarget | 'float64'): Uint8Array {
  return target === 'float64'
    ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    : ROUND[target](values)
}

/** Bits of infinity, and those that are not the sign. */
const INFINITY = { float32: 0x7f800000, float16: 0x7c00, bfloat16: 0x7f80 } as const

function count(values: Float64Array, bytes: Uint8Array, target: CastTarget, tally: Tally): void {
  const bits = target === 'float32' ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer)
  const magnitude = target === 'float32' ? 0x7fffffff : 0x7fff
  const infinity = INFINITY[target]
  for (let i = 0; i < bits.length; i++) {
    const size = (bits[i] as number) & magnitude
    if (size === 0) {
      if (values[i] !== 0) tally.underflow++
    } else if (size === infinity && Number.isFinite(values[i])) tally.overflow++
  }
}

const ROUND: Record<CastTarget, (values: Float64Array) => Uint8Array> = {
  float32: (values) => new Uint8Array(new Float32Array(values).buffer),
  float16: (values) => narrowed(values, float16Bits),
  bfloat16: (values) => narrowed(values, bfloat16Bits),
}

function narrowed(values: Float64Array, bitsOf: (float32: number) => number): Uint8Array {
  const wide = new Uint32Array(new Float32Array(values).buffer)
  const narrow = new Uint16Array(wide.length)
  for (let i = 0; i < wide.length; i++) narrow[i] = bitsOf(wide[i] as number)
  return new Uint8Array(narrow.buffer)
}

/** Adding 0.5 to a value below 2^-14 leaves its multiple of 2^-24, rounded to nearest even, in the low bits. */
const scratch = new Float32Array(1)
const scratchBits = new Uint32Array(scratch.buffer)
function denormalBits(magnitudeBits: number): number {
  scratchBits[0] = magnitudeBits
  scratch[0] = (scratch[0] as number) + 0.5
  return (scratchBits[0] as number) - 0x3f000000
}

/** The bits of the float16 nearest to the float32 of these bits. */
function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // From 65520 on, half way between the largest float16 and 2^16, everything rounds to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) return sign | denormalBits(magnitude)
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

/** The bits of the bfloat16 nearest to the float32 of these bits: its upper half, rounded. */
function bfloat16Bits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}
