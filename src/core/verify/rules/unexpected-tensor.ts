import type { Checkpoint } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import type { Tensor } from '../../checkpoint/tensor'
import { fieldsOf } from '../../decode/plain'
import { finding } from '../../finding'
import type { Match } from '../architectures/fit'
import { matchOf } from '../architectures/match'
import type { Rule } from '../rule'
import { patternOf, unwrapped } from '../shapes/names'
import { list } from '../text'
import { BUFFERS } from './missing-tensor'

/** Of other versions of a model (`_keys_to_ignore_on_load_unexpected` of transformers), and heads that TRL puts on top. */
const IGNORED =
  /((^|\.)decoder\.version|crossattention\.bias|EncDecAttention\.relative_attention_bias\.weight|^cls\.seq_relationship\..*|^v_head\..*)$/

/**
 * Tensors that the model of the config has no place for, in one finding: transformers loads the rest and names these in a
 * warning. What stands where a parameter is absent was built in another way, and what lies inside of a module (factors of an
 * adapter, scales of a quantizer) was put there by the training script: both are its own business.
 */
export const unexpectedTensor: Rule = {
  ids: ['weights/unexpected-tensor'],
  needs: 'structure',
  *check({ checkpoint }) {
    const match = matchOf(checkpoint)
    if (!match) return
    const strangers = strangersOf(checkpoint, match)
    const [first] = strangers
    if (!first) return
    const names = strangers.map(({ name }) => name)
    const what = names.length === 1 ? `${first.name} is` : `${names.length} tensors are`
    const which = names.length === 1 ? '' : `: ${list(names)}`
    yield finding(
      'weights/unexpected-tensor',
      names.length === 1 ? first.name : first.file,
      `${what} not in the ${match.architecture} that config.json describes; loading leaves ${names.length === 1 ? 'it' : 'them'} out${which}`,
      { evidence: { file: first.file, names: names.slice(0, 1000), count: names.length } },
    )
  },
}

function strangersOf({ config }: Checkpoint, { order, strangers, absent, whole }: Match): Tensor[] {
  const numbered = new Set(order.map(patternOf).filter((pattern) => pattern.includes('*')))
  const modules = new Set(order.map(moduleOf))
  const rebuilt = absent.flatMap(({ name }) => [moduleOf(name), moduleOf(moduleOf(name))]).filter((name) => name !== '')
  // Of a head that is not known nothing can be said, nor of what a model's own code adds.
  const known = whole && fieldsOf(config)?.auto_map === undefined
  return strangers.filter(({ name: own, dtype }) => {
    const name = unwrapped(own)
    if (!isFloating(dtype) || BUFFERS.test(name) || IGNORED.test(name)) return false
    if (numbered.has(patternOf(name))) return true
    return known && !isInside(name, modules) && !rebuilt.some((module) => name.startsWith(`${module}.`))
  })
}

/** Whether the name is of something within a module, and not of its own weight or bias. */
function isInside(name: string, modules: ReadonlySet<string>): boolean {
  const module = moduleOf(name)
  if (modules.has(module) && /\.(weight|bias)$/.test(name)) return false
  for (let at = module; at !== ''; at = moduleOf(at)) if (modules.has(at)) return true
  return false
}

/** `h.0.attn.c_fc` of `h.0.attn.c_fc.weight`; nothing of a name without dots. */
function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}
