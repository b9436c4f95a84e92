import type { Checkpoint } from '../../checkpoint/checkpoint'
import { patternOf } from '../shapes/names'
import { namingOf, typesOfClass } from './blueprint'
import { Config } from './config'
import { weightsByName } from './fit'

/** A class that `architectures` names and that builds another kind of model than `model_type` says and the weights are of. */
export interface OtherClass {
  /** `LlamaForCausalLM`. */
  readonly named: string
  /** The kind of model that it builds: `llama`. */
  readonly kind: string
  /** The kind that the config says otherwise, and the names of the weights bear out. */
  readonly type: string
}

/** Undefined where both are of one kind, where one of them is not known, and where the weights do not side with `model_type`. */
export function otherClassOf(checkpoint: Checkpoint): OtherClass | undefined {
  const config = new Config(checkpoint.config)
  const own = namingOf(checkpoint.config)
  const types = typesOfClass(config.architecture)
  const [kind] = types ?? []
  if (!own || kind === undefined || types?.includes(own.type)) return undefined
  // `CLIPTextModel` is of a CLIP, and of one that has no more than its text.
  if (own.type.startsWith(kind) || kind.startsWith(own.type)) return undefined
  const patterns = [...weightsByName(checkpoint).keys()].map(patternOf)
  const fit = patterns.filter((each) => own.names.has(each)).length
  if (patterns.length === 0 || fit * 10 < patterns.length * 8) return undefined
  return { named: config.architecture, kind, type: own.type }
}
