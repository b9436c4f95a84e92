import { fieldsOf, type Plain } from '../decode/plain'
import { AssayError } from '../errors'

/** How a LoRA adapter is scaled and laid out, by adapter_config.json (peft 0.21, `tuners/lora/config.py`). */
export interface LoraConfig {
  readonly alpha: number
  readonly usesSquareRoot: boolean
  readonly alphaPattern: Readonly<Record<string, Plain>>
  /** Weights are scaled to trained lengths after the sum (DoRA). */
  readonly usesMagnitudes: boolean
  /** Weights lie as [in, out], as those of GPT-2's Conv1D do. */
  readonly isTransposed: boolean
}

/** What the adapter's weights cannot be merged with here, by the key of the config that says so. */
const REFUSED: Readonly<Record<string, string>> = {
  use_qalora: 'it is a QALoRA adapter, which pools the inputs of its layers',
  use_bdlora: 'it is a BD-LoRA adapter of block-diagonal factors',
  alora_invocation_tokens: 'it is an activated LoRA, which takes part only after its invocation tokens',
  layer_replication: 'it replicates layers of the base model',
  target_parameters: 'it targets parameters and not modules',
  trainable_token_indices: 'it trains single rows of an embedding',
  arrow_config: 'it routes between several adapters',
  monteclora_config: 'it samples its weights',
  velora_config: 'it compresses activations, and its weights are not those of LoRA',
  kasa_config: 'it is a KaSA adapter, with singular values beside the factors',
}

/**
 * The config of an adapter that can be merged. Throws `usage` in words where it cannot: another method than LoRA, a
 * variant that is more than two factors.
 */
export function loraConfigOf(config: Plain | undefined, name: string): LoraConfig {
  const fields = fieldsOf(config)
  const refuse = (why: string): never => {
    throw new AssayError('usage', `${name} cannot be merged: ${why}`, {
      hint: 'Merge it with PEFT: merge_and_unload()',
    })
  }
  if (!fields) return refuse('its adapter_config.json is not here, and the scaling of its weights is in it')
  if (fields.peft_type !== 'LORA') return refuse(`it is of the kind ${String(fields.peft_type)}; only LORA is merged`)
  for (const [key, why] of Object.entries(REFUSED)) if (isSet(fields[key])) return refuse(why)
  const alpha = fields.lora_alpha
  if (typeof alpha !== 'number') return refuse('its config does not tell lora_alpha')
  return {
    alpha,
    usesMagnitudes: fields.use_dora === true,
    usesSquareRoot: fields.use_rslora === true,
    alphaPattern: fieldsOf(fields.alpha_pattern) ?? {},
    isTransposed: fields.fan_in_fan_out === true,
  }
}

function isSet(value: Plain | undefined): boolean {
  if (value === undefined || value === null || value === false) return false
  return Array.isArray(value) ? value.length > 0 : true
}

/**
 * What the product of the factors of `module` is multiplied by: alpha / r, or alpha / sqrt(r). The alpha of a module may be told by
 * a pattern that its name ends with (peft 0.21, `utils/other.py`, `get_pattern_key`); its rank is that of the factors.
 */
export function scalingOf(config: LoraConfig, module: string, rank: number): number {
  const own = Object.entries(config.alphaPattern).find(([pattern]) => endsWith(module, pattern))?.[1]
  const alpha = typeof own === 'number' ? own : config.alpha
  return config.usesSquareRoot ? alpha / Math.sqrt(rank) : alpha / rank
}

function endsWith(module: string, pattern: string): boolean {
  try {
    return new RegExp(`^(.*\\.)?(${pattern})$`).test(module)
  } catch {
    return false
  }
}
