import { finding } from '../../finding'
import { isCalled, loraOf } from '../adapter/lora'
import type { Rule } from '../rule'
import { list } from '../text'

/** LoRA factors of modules that `target_modules` does not reach: PEFT makes none there and leaves these out without a word. */
export const targetMismatch: Rule = {
  ids: ['adapter/target-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
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
