import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fieldsOf } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import { FACTOR, isCalled, isSavedBy, type Lora, loraOf } from '../adapter/lora'
import type { Rule } from '../rule'
import { list } from '../text'

/**
 * LoRA factors of modules that `target_modules` does not reach, or in an adapter of another method: PEFT makes none there and leaves
 * these out without a word.
 */
export const targetMismatch: Rule = {
  ids: ['adapter/target-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const other = otherMethod(checkpoint)
    if (other !== undefined) {
      const { count, method } = other
      const message = `adapter_config.json says that the adapter is ${method}, but all ${count} tensors of it are factors of a LoRA: PEFT uses none of them`
      yield finding('adapter/target-mismatch', 'adapter_config.json', message, {
        evidence: { peft_type: method, count },
      })
      return
    }
    const lora = loraOf(checkpoint)
    const { targets } = lora ?? {}
    if (lora) yield* untrainedModules(checkpoint, lora)
    if (!lora || !targets || targets.length === 0) return
    const modules = [...new Set(lora.factors.map(({ module }) => module))]
    // The projection inside of a wrapped attention bears the name of the attention.
    const strays = modules.filter(
      (module) => !module.includes('.base_layer.') && !targets.some((target) => isCalled(module, target)),
    )
    if (strays.length === 0) return
    yield finding(
      'adapter/target-mismatch',
      'adapter_config.json',
      `${strays.length} of ${modules.length} modules with LoRA factors are not among target_modules (${list(targets)}) of adapter_config.json: ${list(strays)}`,
      { evidence: { targets: targets.slice(0, 50), modules: strays.slice(0, 50), count: strays.length } },
    )
  },
}

/** Methods of PEFT that keep no factors called lora_A and lora_B (peft 0.21, `PeftType` and the prefixes of its tuners). */
const WITHOUT_FACTORS: ReadonlySet<string> = new Set([
  ...['IA3', 'LOHA', 'LOKR', 'OFT', 'BOFT', 'LN_TUNING', 'FOURIERFT', 'HRA'],
  ...['PROMPT_TUNING', 'MULTITASK_PROMPT_TUNING', 'PREFIX_TUNING', 'P_TUNING', 'ADAPTION_PROMPT'],
])

/** The method that the config names where every tensor of the adapter is a factor of a LoRA, which it cannot use. */
function otherMethod({ config, tensors }: Checkpoint): { readonly method: string; readonly count: number } | undefined {
  const method = fieldsOf(config)?.peft_type
  if (typeof method !== 'string' || !WITHOUT_FACTORS.has(method)) return undefined
  const own = tensors.filter(({ component }) => component === 'adapter')
  return own.length > 0 && own.every(({ name }) => FACTOR.test(name)) ? { method, count: own.length } : undefined
}

/** Tensors that PEFT adds beside factors and whole modules, or names in its own way (peft 0.21, tuners/). */
const OTHERWISE_NAMED = /\.(lora_\w+|token_adapter|base_layer|modules_to_save)(\.|$)/

/**
 * Whole modules that the optimizer trains with the factors and `modules_to_save` does not name. Embeddings that PEFT saves because they
 * were resized are none of them: those are not trained.
 */
function* untrainedModules({ tensors, state, config }: Checkpoint, { modulesToSave }: Lora): Generator<Finding> {
  const own = tensors.filter(({ component }) => component === 'adapter')
  const [optimizer, other] = state.optimizers
  const trained = optimizer?.groups.reduce((sum, { params }) => sum + params.length, 0)
  if (own.length === 0 || other || trained !== own.length) return
  const biased = ![undefined, null, 'none'].includes(fieldsOf(config)?.bias as string | null | undefined)
  const strays = own.filter(({ name }) => {
    const named = modulesToSave.some((entry) => isSavedBy(name, entry))
    const isModule = /\.(weight|bias)$/.test(name) && !FACTOR.test(name) && !OTHERWISE_NAMED.test(name)
    return isModule && !named && !(biased && name.endsWith('.bias'))
  })
  if (strays.length === 0) return
  const names = strays.map(({ name }) => name)
  const message = `The optimizer trains all ${own.length} tensors of the adapter, and modules_to_save of adapter_config.json does not name ${list(names)}`
  yield finding('adapter/target-mismatch', 'adapter_config.json', message, {
    severity: 'warning',
    evidence: { modules: names.slice(0, 50), count: names.length },
  })
}
