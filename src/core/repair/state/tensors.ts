import type { DType } from '../../checkpoint/dtype'
import { byteLength } from '../../checkpoint/tensor'
import type { Stored } from '../../write/torch-zip'

/** A storage with these bytes. */
export function bytesTensor(key: string, dtype: DType, shape: readonly number[], bytes: Uint8Array): Stored {
  return {
    key,
    values: {
      name: key,
      dtype,
      shape,
      async *blocks() {
        yield bytes
      },
    },
  }
}

const ZEROS = new Uint8Array(2 ** 20)

/** A storage of zeros, made a block of 1 MiB at a time. */
export function zeroTensor(key: string, dtype: DType, shape: readonly number[]): Stored {
  const size = byteLength({ dtype, shape })
  return {
    key,
    values: {
      name: key,
      dtype,
      shape,
      async *blocks() {
        for (let at = 0; at < size; at += ZEROS.byteLength)
          yield ZEROS.subarray(0, Math.min(ZEROS.byteLength, size - at))
      },
    },
  }
}
