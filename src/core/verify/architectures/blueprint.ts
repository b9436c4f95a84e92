import type { Plain } from '../../decode/plain'
import { Config } from './config'
import { gpt2, gptNeox, llama, mixtral, opt, phi, qwen2, qwen3 } from './decoders'
import { t5, whisper } from './encoder-decoders'
import { bert, distilbert, roberta } from './encoders'
import type { Parameter } from './parameter'
import { clip, clipTextModel, clipVisionModel, vit } from './vision'

/** How transformers builds the models of one `model_type`: what they hold, in the order in which they register it. */
export interface Blueprint {
  readonly types: RegExp
  /** What the body is called inside a model with a head. */
  readonly prefix: string
  body(config: Config): Parameter[]
  /** What a class has besides the body, by the end of the class's name. */
  readonly heads: { readonly [ending: string]: (config: Config) => Parameter[] }
}

const BLUEPRINTS: readonly Blueprint[] = [
  llama,
  qwen2,
  qwen3,
  mixtral,
  phi,
  gpt2,
  gptNeox,
  opt,
  bert,
  roberta,
  distilbert,
  t5,
  whisper,
  vit,
  clip,
  clipTextModel,
  clipVisionModel,
]

/** What a model is made of, by its config. */
export interface Architecture {
  /** `LlamaForCausalLM`. */
  readonly name: string
  /** In the order of registration. Names as in a model with a head; saved by itself, the body bears no prefix. */
  readonly parameters: readonly Parameter[]
  readonly prefix: string
}

/**
 * The parameters of the model that a config.json describes, or undefined where the config names no class that is known here
 * or does not tell all sizes. Compared with what transformers 5.18 creates and saves by test/interop/architectures.test.ts.
 */
export function architectureOf(plain: Plain | undefined): Architecture | undefined {
  const config = new Config(plain)
  const name = config.architecture
  const blueprint = BLUEPRINTS.find(({ types }) => types.test(config.text('model_type')))
  if (!blueprint || name === '') return undefined
  const [, head] = Object.entries(blueprint.heads).find(([ending]) => name.endsWith(ending)) ?? []
  const prefix = head || !/Model$/.test(name) ? blueprint.prefix : ''
  const body = blueprint.body(config).map((each) => ({ ...each, name: prefix + each.name }))
  const parameters = [...body, ...(head?.(config) ?? [])]
  return config.untold ? undefined : { name, parameters, prefix: blueprint.prefix }
}
