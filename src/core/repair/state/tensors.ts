import type { DType } from '../../checkpoint/dtype'
import { byteLength } from '../../checkpoint/tensor'
import type { PyValue } from '../../decode/pickle/value'
import { type Stored, tensorValue } from '../../write/torch-zip'

/** A storage with these bytes. */
function bytesTensor(key: string, dtype: DType, shape: readonly number[], bytes: Uint8Array): Stored {
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
function zeroTensor(key: string, dtype: DType, shape: readonly number[]): Stored {
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

/** Collects storages as the values that refer to them are made, under keys that none of `taken` has. */
export class Store {
  readonly stored: Stored[] = []
  #next: number

  constructor(private readonly taken: ReadonlySet<string> = new Set()) {
    this.#next = taken.size
  }

  zeros(dtype: DType, shape: readonly number[], requiresGrad = false): PyValue {
    const key = this.#key()
    this.stored.push(zeroTensor(key, dtype, shape))
    return tensorValue(dtype, shape, key, requiresGrad)
  }

  /** A one of float32, without dimensions. */
  one(): PyValue {
    const key = this.#key()
    this.stored.push(bytesTensor(key, 'float32', [], new Uint8Array(Float32Array.of(1).buffer)))
    return tensorValue('float32', [], key)
  }

  bytes(bytes: Uint8Array): PyValue {
    const key = this.#key()
    this.stored.push(bytesTensor(key, 'uint8', [bytes.length], bytes))
    return tensorValue('uint8', [bytes.length], key)
  }

  #key(): string {
    while (this.taken.has(String(this.#next))) this.#next++
    return String(this.#next++)
  }
}
