import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fieldsOf } from '../../decode/plain'
import { finding } from '../../finding'
import { FACTOR, isCalled, loraOf } from '../adapter/lora'
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
