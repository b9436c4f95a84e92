import { numel, type Tensor, transposed } from '../checkpoint/tensor'

/** `flat`: the values of both shapes in one order, row after row. `transposed`: A's by columns. */
export type Reading = 'flat' | 'transposed'

/**
 * How the values of a tensor may be those of another shape: flattened, with dimensions of 1 more or less, or transposed, as GPT-2's
 * layers are against torch's. Read so they come in b's order. Undefined where no such reading is at hand.
 */
export function readAs(a: Tensor, b: Tensor): { readonly tensor: Tensor; readonly reading: Reading } | undefined {
  const count = numel(a.shape)
  if (count === 0 || count !== numel(b.shape) || !comparable(a, b)) return undefined
  const [inA, inB] = [squeezed(a.shape), squeezed(b.shape)]
  if (inA.length <= 1 || inB.length <= 1 || `${inA}` === `${inB}`) return { tensor: a, reading: 'flat' }
  const isTurned = a.shape.length === 2 && `${b.shape}` === `${[...a.shape].reverse()}`
  return isTurned ? { tensor: transposed(a), reading: 'transposed' } : undefined
}

/** Packed pairs have one element where other dtypes have two: their shapes agree only by accident. */
export function comparable(a: Tensor, b: Tensor): boolean {
  return a.dtype === b.dtype || (a.dtype !== 'float4_e2m1fn_x2' && b.dtype !== 'float4_e2m1fn_x2')
}

function squeezed(shape: readonly number[]): number[] {
  return shape.filter((extent) => extent !== 1)
}
