import { torchTensorOf } from '../../decode/pickle/torch'
import { mappingOf, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { RngState } from '../checkpoint'
import { numel } from '../tensor'

/** Keys of HF Trainer, Accelerate and hand-written scripts, and the generator each is the state of. */
const GENERATORS: readonly { readonly pattern: RegExp; readonly generator: string }[] = [
  { pattern: /numpy|^np(_|$)/, generator: 'numpy' },
  { pattern: /cuda|gpu/, generator: 'cuda' },
  { pattern: /(^|_)(xpu|npu|mlu|musa|hpu|sdaa|neuron|xla|xm|mps)(_|$)/, generator: 'accelerator' },
  { pattern: /^cpu$|torch/, generator: 'torch' },
  { pattern: /python|^random(_state)?$/, generator: 'python' },
]

/** Length of the state of torch's CPU generator; others are refused (ATen CPUGeneratorImpl, checked with torch 2.13). */
const CPU_STATE_BYTES = 5056
const PYTHON_STATE_WORDS = 625

/**
 * Reads random states from one dict: which generators it keeps and why one of them would not load. Undefined when it
 * keeps none. Looks at kinds and lengths only, no values.
 */
export function rngOf(
  entries: Iterable<readonly [string, PyValue]>,
  file: string,
  rank?: number,
): RngState | undefined {
  const generators: string[] = []
  const troubles: string[] = []
  for (const [key, value] of entries) {
    const generator = generatorOf(key, value)
    if (!generator || value === null) continue
    if (!generators.includes(generator)) generators.push(generator)
    const trouble = TROUBLES[generator]?.(value)
    if (trouble) troubles.push(`${key}: ${trouble}`)
  }
  if (generators.length === 0) return undefined
  return {
    file,
    ...(rank !== undefined && { rank }),
    generators,
    ...(troubles.length > 0 && { malformed: troubles.join('; ') }),
  }
}

/** Which generator an entry is the state of: by the key; under a key that only says `rng_state`, by what the state looks like. */
export function generatorOf(key: string, value: PyValue): string | undefined {
  const named = GENERATORS.find(({ pattern }) => pattern.test(key.toLowerCase()))?.generator
  if (named || !/rng|seed|state/i.test(key)) return named
  if (torchTensorOf(value)?.dtype === 'uint8') return 'torch'
  const first = sequenceOf(value)?.[0]
  return first === 3 ? 'python' : typeof first === 'string' ? 'numpy' : undefined
}

/** The entries of a dict under text keys. */
export function rngEntries(value: PyValue | undefined): [string, PyValue][] {
  return [...(mappingOf(value) ?? [])].filter((entry): entry is [string, PyValue] => typeof entry[0] === 'string')
}

const TROUBLES: Readonly<Record<string, (value: PyValue) => string | undefined>> = {
  torch(value) {
    const tensor = torchTensorOf(value)
    if (!tensor) return 'is no tensor'
    if (tensor.dtype !== 'uint8') return `has the dtype ${tensor.dtype}, uint8 is expected`
    const bytes = numel(tensor.shape)
    return bytes === CPU_STATE_BYTES ? undefined : `has ${bytes} bytes, ${CPU_STATE_BYTES} are expected`
  },
  python(value) {
    const state = sequenceOf(value)
    if (state?.length !== 3) return 'is not the tuple that random.getstate() gives'
    const words = sequenceOf(state[1])?.length ?? 0
    if (state[0] !== 3) return 'is of another version than 3'
    return words === PYTHON_STATE_WORDS ? undefined : `has ${words} words, ${PYTHON_STATE_WORDS} are expected`
  },
  numpy(value) {
    // np.random.get_state() gives a tuple, get_state(legacy=False) and a Generator's bit_generator.state a dict.
    if (mappingOf(value)?.has('bit_generator')) return undefined
    const state = sequenceOf(value)
    return state?.length === 5 && typeof state[0] === 'string'
      ? undefined
      : 'is not what numpy.random.get_state() gives'
  },
}
