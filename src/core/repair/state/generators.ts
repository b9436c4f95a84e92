import { PyBytes, PyFloat, PyGlobal, PyList, PyObject, PyTuple, type PyValue } from '../../decode/pickle/value'
import type { Store } from './tensors'

/** Words in the state of a Mersenne twister, and where its first draw begins: after all of them, so that it stirs first. */
const WORDS = 624

/** The words that follow a seed of 32 bits (init_genrand of mt19937ar.c, 2002). */
export function seededWords(seed: number): Uint32Array {
  const words = new Uint32Array(WORDS)
  words[0] = seed
  for (let i = 1; i < WORDS; i++) {
    const before = words[i - 1] as number
    words[i] = Math.imul(before ^ (before >>> 30), 1812433253) + i
  }
  return words
}

/** The words of `random.seed(seed)`: init_by_array with the one key (CPython 3.12, Modules/_randommodule.c). */
export function pythonWords(seed: number): Uint32Array {
  const words = seededWords(19650218)
  const mix = (i: number, by: number) => {
    const before = words[i - 1] as number
    return ((words[i] as number) ^ Math.imul(before ^ (before >>> 30), by)) >>> 0
  }
  let i = 1
  const wrap = () => {
    if (++i < WORDS) return
    words[0] = words[WORDS - 1] as number
    i = 1
  }
  // The key has one word, so its index, which is added each time, stays 0.
  for (let k = 0; k < WORDS; k++) {
    words[i] = mix(i, 1664525) + seed
    wrap()
  }
  for (let k = 0; k < WORDS - 1; k++) {
    words[i] = mix(i, 1566083941) - i
    wrap()
  }
  words[0] = 0x80000000
  return words
}

/** `random.getstate()` after `random.seed(seed)`. */
export function pythonState(seed: number): PyValue {
  return new PyTuple([3, new PyTuple([...pythonWords(seed), WORDS]), null])
}

/** `numpy.random.get_state()` after `numpy.random.seed(seed)`, pickled as NumPy 2 does (`module`: `numpy._core` or `numpy.core`). */
export function numpyState(seed: number, module: string): PyValue {
  const type = new PyObject(new PyGlobal('numpy', 'dtype'), new PyTuple(['u4', false, true]), 'reduce')
  type.state = new PyTuple([3, '<', null, null, null, -1, -1, 0])
  const empty = new PyBytes(new TextEncoder().encode('b'))
  const made = new PyTuple([new PyGlobal('numpy', 'ndarray'), new PyTuple([0]), empty])
  const array = new PyObject(new PyGlobal(`${module}.multiarray`, '_reconstruct'), made, 'reduce')
  const bytes = new Uint8Array(4 * WORDS)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of seededWords(seed).entries()) view.setUint32(4 * i, word, true)
  array.state = new PyTuple([1, new PyTuple([WORDS]), type, false, new PyBytes(bytes)])
  return new PyTuple(['MT19937', array, WORDS, 0, new PyFloat(0)])
}

/** Bytes of the state of torch's CPU generator, and where the parts are (ATen/CPUGeneratorImpl.cpp, 2.13). */
const TORCH_BYTES = 5056
const LEFT = 8
const SEEDED = 12
const FIRST_WORD = 24

/** `torch.get_rng_state()` after `torch.manual_seed(seed)`: the seed, 1 word left, then the words as 64-bit numbers. */
export function torchState(seed: number): Uint8Array {
  const bytes = new Uint8Array(TORCH_BYTES)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(seed), true)
  view.setInt32(LEFT, 1, true)
  view.setInt32(SEEDED, 1, true)
  for (const [i, word] of seededWords(seed).entries()) view.setBigUint64(FIRST_WORD + 8 * i, BigInt(word), true)
  return bytes
}

/** `torch.cuda.get_rng_state()` after `torch.cuda.manual_seed(seed)`: seed and offset (ATen/cuda/CUDAGeneratorImpl.cpp, 2.13). */
function cudaState(seed: number): Uint8Array {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(seed), true)
  return bytes
}

/** A generator's state to be pickled, its tensors in `store`; undefined for a generator that is not known. */
export function generatorState(
  generator: string,
  seed: number,
  like: { readonly numpy: string; readonly devices: number | undefined },
  store: Store,
): PyValue | undefined {
  if (generator === 'python') return pythonState(seed)
  if (generator === 'numpy') return numpyState(seed, like.numpy)
  if (generator === 'torch') return store.bytes(torchState(seed))
  if (generator !== 'cuda') return undefined
  if (like.devices === undefined) return store.bytes(cudaState(seed))
  return new PyList(Array.from({ length: like.devices }, () => store.bytes(cudaState(seed))))
}
