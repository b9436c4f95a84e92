import { memorySource } from '../../bytes/source'
import { byteLength, originOf, type Tensor } from '../../checkpoint/tensor'
import type { NumpyTensor, TorchStorage, TorchTensor } from '../../decode/pickle/torch'
import { type PyObject, PyPersistent, PyTuple, type PyValue, sequenceOf } from '../../decode/pickle/value'
import { outputOf } from '../../write/output'
import { storageValue, tensorValue, viewValue } from '../../write/torch-zip'
import { storageKeys } from '../torch-edit'

/** The bytes of a storage that the pickle itself held. */
export interface Stored {
  readonly key: string
  readonly byteLength: number
  blocks(signal?: AbortSignal): AsyncIterable<Uint8Array>
  /** The array that it was. */
  readonly array?: Tensor
}

/** Refers to storages as torch's zip does, `('storage', type, key, location, count)`, and gives keys to those that had none. */
export class Storages {
  readonly stored: Stored[] = []
  readonly #taken: Set<string>
  readonly #known = new Map<TorchStorage | string, PyPersistent>()

  constructor(root: PyValue) {
    this.#taken = storageKeys(root)
  }

  /** A storage by itself. The legacy stream adds to its id which view of it is meant (torch/serialization.py, `_legacy_save`). */
  refer({ id }: PyPersistent): PyPersistent {
    return new PyPersistent(new PyTuple((sequenceOf(id) ?? []).slice(0, 5)))
  }

  /** A dense view of a storage. */
  view(tensor: TorchTensor): PyObject {
    return viewValue(this.#reference(tensor.storage), tensor, tensor.storage.dtype === 'bytes')
  }

  /** An array as a contiguous tensor of the same numbers. */
  array({ dtype, shape, strides, storage, bigEndian = false }: NumpyTensor): PyObject {
    const source = memorySource('array', storage.inline ?? new Uint8Array(0))
    const block = { source, offset: 0, strides, start: originOf(shape), shape, bigEndian }
    const values: Tensor = { name: 'array', dtype, shape, file: 'array', component: 'custom', blocks: [block] }
    const key = this.#key()
    this.stored.push({ key, byteLength: byteLength(values), blocks: outputOf(values).blocks, array: values })
    return tensorValue(dtype, shape, key)
  }

  #reference(storage: TorchStorage): PyPersistent {
    const { inline, dtype, numel, location } = storage
    const by = inline ? storage : storage.key
    const known = this.#known.get(by)
    if (known) return known
    const key = inline ? this.#key() : storage.key
    if (inline) {
      const blocks = async function* () {
        yield inline
      }
      this.stored.push({ key, byteLength: inline.byteLength, blocks })
    }
    const made = storageValue(dtype, key, numel, location === '' ? 'cpu' : location)
    this.#known.set(by, made)
    return made
  }

  #key(): string {
    let key = this.#taken.size
    while (this.#taken.has(String(key))) key++
    this.#taken.add(String(key))
    return String(key)
  }
}
