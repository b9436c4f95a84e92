import type { Plain } from '../../decode/plain'
import { patternOf } from '../shapes/names'
import { Config, Sketch } from './config'
import { gpt2, gptNeox, llama, mixtral, opt, phi, qwen2, qwen3 } from './decoders'
import { t5, whisper } from './encoder-decoders'
import { bert, distilbert, roberta } from './encoders'
import type { Parameter } from './parameter'
import { clip, clipTextModel, clipVisionModel, vit } from './vision'

/** How transformers builds the models of one `model_type`: what they hold, in the order in which they register it. */
export interface Blueprint {
  /** `model_type` of the configs it is for. The first is what it is called by. */
  readonly types: readonly string[]
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
  /** Whether its class is known with its head: then nothing else belongs to it. */
  readonly whole: boolean
}

/** Of a class like `GPT2Model`, and not of `BertLMHeadModel` and its kin. */
const BARE = /^(?!.*(Heads?|Encoder)Model$).*Model$/

/**
 * The parameters of the model that a config.json describes, or undefined where the config names no class that is known here
 * or does not tell all sizes. Compared with what transformers 5.18 creates and saves by test/interop/architectures.test.ts.
 */
export function architectureOf(plain: Plain | undefined): Architecture | undefined {
  const config = new Config(plain)
  const name = config.architecture
  const blueprint = BLUEPRINTS.find(({ types }) => types.includes(config.text('model_type')))
  if (!blueprint || name === '') return undefined
  const [, head] = Object.entries(blueprint.heads).find(([ending]) => name.endsWith(ending)) ?? []
  const prefix = head || !/Model$/.test(name) ? blueprint.prefix : ''
  const body = blueprint.body(config).map((each) => ({ ...each, name: prefix + each.name }))
  const parameters = [...body, ...(head?.(config) ?? [])]
  const whole = head !== undefined || BARE.test(name)
  return config.untold ? undefined : { name, parameters, prefix: blueprint.prefix, whole }
}

/** What the tensors of one kind of model are called, layer numbers left open, whatever its sizes and its head. */
export interface Naming {
  /** `gpt2`. */
  readonly type: string
  /** Of all its tensors, with the prefix of the body and without. */
  readonly names: ReadonlySet<string>
  /** Of its body alone, without the prefix. */
  readonly body: readonly string[]
}

/** How the kind of model that the config is of names its tensors; undefined where it is not known. */
export function namingOf(plain: Plain | undefined): Naming | undefined {
  const type = new Config(plain).text('model_type')
  const blueprint = BLUEPRINTS.find(({ types }) => types.includes(type))
  return blueprint && { ...naming(blueprint, plain), type }
}

/** The `model_type`s of models that are built as this class of transformers builds its own; undefined where it is not known. */
export function typesOfClass(name: string): readonly string[] | undefined {
  const kind = plainName(/^(.+?)(For[A-Z]|LMHead|DoubleHeads|Encoder|Text|Vision|Model)/.exec(name)?.[1] ?? '')
  return BLUEPRINTS.find(({ types }) => types.some((type) => plainName(type) === kind))?.types
}

/** `gptneox` of `GPTNeoX` and of `gpt_neox`. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

/** How each kind of model that is known names its tensors, if it were built by the switches of this config. */
export function allNamings(plain: Plain | undefined): Naming[] {
  return BLUEPRINTS.map((blueprint) => naming(blueprint, plain))
}

function naming({ types, prefix, body, heads }: Blueprint, plain: Plain | undefined): Naming {
  const sketch = new Sketch(plain)
  const inner = body(sketch)
  const names = [...inner, ...Object.values(heads).flatMap((head) => head(sketch))].flatMap(({ name }) => {
    return [name, prefix + name, name.startsWith(prefix) ? name.slice(prefix.length) : name]
  })
  const needed = inner.filter(({ optional }) => !optional).map(({ name }) => patternOf(name))
  return { type: types[0] ?? '', names: new Set(names.map(patternOf)), body: [...new Set(needed)] }
}
