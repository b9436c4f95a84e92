import type { Checkpoint } from '../checkpoint/checkpoint'
import { sameShape, type Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import { list } from '../verify/text'
import { ADAPTER_CONFIG, configBeside } from './config-files'

/** What is left of a model that was saved with its LoRA adapter in it when only the adapter is wanted. */
export interface Extracted {
  /** Under the names that PEFT saves them with. */
  readonly tensors: readonly Tensor[]
  /** The text of `adapter_config.json`. */
  readonly config: string
}

/** `base_model.model.` stands before all names of an adapter, and its own name after its factors (peft 0.21, `utils/save_and_load.py`). */
const PREFIX = 'base_model.model.'
const FACTOR = /^(.*)\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)\.([^.]+)(?:\.(weight|bias))?$/
const SAVED = /^(.*)\.modules_to_save\.([^.]+)\.(.*)$/

/**
 * The LoRA adapter in a state dict of a whole PEFT model, as `save_pretrained` would save it. Its config is the one beside the
 * checkpoint; else it is made from the factors and `alpha`, which no tensor tells. Throws `usage` where there is no
 * adapter, where there are several, and where neither a config nor `alpha` is there.
 */
export async function adapterIn(checkpoint: Checkpoint, alpha?: number): Promise<Extracted> {
  const parts = checkpoint.tensors.flatMap((tensor) => partOf(tensor) ?? [])
  const fail = (why: string, hint?: string) =>
    new AssayError('usage', `${checkpoint.name} ${why}`, { file: checkpoint.path, ...(hint !== undefined && { hint }) })
  if (!parts.some(({ letter }) => letter !== undefined)) throw fail('holds no LoRA adapter beside its weights')
  const adapters = [...new Set(parts.map(({ adapter }) => adapter))]
  if (adapters.length > 1)
    throw fail(`holds several adapters: ${list(adapters)}`, 'Keep the tensors of one of them with --keep and --rename')
  const tensors = parts.map(({ tensor, name }): Tensor => ({ ...tensor, name, component: 'adapter' }))
  const beside = await configBeside(checkpoint, ADAPTER_CONFIG)
  if (beside !== undefined) return { tensors, config: beside }
  if (alpha === undefined)
    throw fail(
      `has no ${ADAPTER_CONFIG} beside it, and no tensor tells the scaling of its adapter`,
      'Say it: --lora-alpha 16',
    )
  return { tensors, config: `${JSON.stringify(configOf(parts, alpha, checkpoint), null, 2)}\n` }
}

/** Whether one LoRA adapter lies among the weights, and then whether its scaling (`alpha`) has to be said. */
export async function adapterBeside(checkpoint: Checkpoint): Promise<{ readonly alpha: boolean } | undefined> {
  const parts = checkpoint.tensors.flatMap((tensor) => partOf(tensor) ?? [])
  const isOne = new Set(parts.map(({ adapter }) => adapter)).size === 1
  if (!isOne || !parts.some(({ letter }) => letter !== undefined)) return undefined
  return { alpha: (await configBeside(checkpoint, ADAPTER_CONFIG)) === undefined }
}

interface Part {
  readonly tensor: Tensor
  readonly name: string
  readonly module: string
  readonly adapter: string
  /** Which of the factors it is; undefined for a module that was saved whole. */
  readonly letter?: string
  readonly isBias?: boolean
}

function partOf(tensor: Tensor): Part | undefined {
  const inner = tensor.name.startsWith(PREFIX) ? tensor.name.slice(PREFIX.length) : tensor.name
  const [, module, letter, adapter, part] = FACTOR.exec(inner) ?? []
  if (module !== undefined && letter !== undefined && adapter !== undefined) {
    const suffix = part === undefined || letter === 'magnitude_vector' ? '' : `.${part}`
    const name = `${PREFIX}${module}.lora_${letter}${suffix}`
    return { tensor, name, module, adapter, letter, isBias: part === 'bias' }
  }
  const [, saved, whose, rest] = SAVED.exec(inner) ?? []
  if (saved === undefined || whose === undefined) return undefined
  return { tensor, name: `${PREFIX}${saved}.${rest}`, module: saved, adapter: whose }
}

/** What the factors tell of `LoraConfig` (peft 0.21, `tuners/lora/config.py`): ranks, targets, DoRA, biases, the way weights lie. */
function configOf(parts: readonly Part[], alpha: number, { tensors }: Checkpoint) {
  const ranks = new Map<string, number>()
  for (const { letter, module, tensor } of parts) {
    if (letter === 'A' || letter === 'embedding_A') ranks.set(module, tensor.shape[0] ?? 0)
  }
  const counts = [...ranks.values()].sort((a, b) => a - b)
  const r = counts[Math.floor(counts.length / 2)] ?? 0
  const others = [...ranks].filter(([, rank]) => rank !== r)
  const saved = [...new Set(parts.filter(({ letter }) => letter === undefined).map(({ module }) => module))]
  return {
    peft_type: 'LORA',
    base_model_name_or_path: null,
    task_type: null,
    inference_mode: true,
    r,
    lora_alpha: alpha,
    target_modules: [...ranks.keys()],
    rank_pattern: Object.fromEntries(others.map(([module, rank]) => [module.replaceAll('.', '\\.'), rank])),
    alpha_pattern: {},
    bias: 'none',
    lora_bias: parts.some(({ isBias }) => isBias),
    use_dora: parts.some(({ letter }) => letter === 'magnitude_vector'),
    use_rslora: false,
    fan_in_fan_out: isTransposed(parts, tensors),
    modules_to_save: saved.length > 0 ? saved : null,
  }
}

/** Whether a weight beside its factors lies as [in, out], as those of GPT-2's Conv1D do, where it is not square. */
function isTransposed(parts: readonly Part[], tensors: readonly Tensor[]): boolean {
  const weights = new Map(tensors.map((tensor) => [tensor.name.replace(PREFIX, ''), tensor]))
  const factor = (module: string, letter: string) =>
    parts.find((part) => part.module === module && part.letter === letter && !part.isBias)?.tensor.shape ?? []
  return parts.some(({ module, letter }) => {
    const weight = weights.get(`${module}.base_layer.weight`)?.shape
    const [inner, outer] = [factor(module, 'A')[1], factor(module, 'B')[0]]
    if (letter !== 'A' || !weight || inner === undefined || outer === undefined) return false
    return inner !== outer && sameShape(weight, [inner, outer])
  })
}
