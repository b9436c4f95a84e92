import type { DType } from '../../../src/core/checkpoint/dtype'
import type { OutputTensor } from '../../../src/core/write/output'

/** A tensor whose values are these bytes, given in blocks of `blockBytes`. */
export function output(
  name: string,
  dtype: DType,
  shape: number[],
  bytes: ArrayLike<number> | ArrayBuffer,
  blockBytes = 64,
): OutputTensor {
  const all = new Uint8Array(bytes)
  return {
    name,
    dtype,
    shape,
    async *blocks() {
      for (let at = 0; at < all.length; at += blockBytes) yield all.subarray(at, at + blockBytes)
    },
  }
}
