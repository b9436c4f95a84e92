import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { fieldsOf, numberOf } from '../../decode/plain'
import { layerName, unwrapped } from '../shapes/names'
import { namingOf } from './blueprint'
import { Config } from './config'

/** Language models whose head is a matrix of its own where it is not tied. */
const WITH_HEAD = /(ForCausalLM|LMHeadModel)$/
/** What the table of the tokens is called, and what a head may be called that is not as long as the vocabulary. */
const TABLE = /(embed\w*|wte|emb)\.weight$/i
const HEAD = /head|output|logits|decoder\.weight|proj_out/i

/**
 * The table of the tokens of a language model without a head, although its config says that the two are not tied. For models of
 * which nothing else is known: the table is the only matrix as long as the vocabulary. Undefined where a part of the model has a config
 * of its own, which may tie them all the same.
 */
export function headlessTable({ config, tensors }: Checkpoint): Tensor | undefined {
  const fields = fieldsOf(config)
  const vocabulary = numberOf(fields?.vocab_size)
  if (!fields || vocabulary === undefined || namingOf(config) || !new Config(config).untied) return undefined
  if (!WITH_HEAD.test(new Config(config).architecture) || fields.auto_map !== undefined) return undefined
  if (Object.entries(fields).some(([key, value]) => /_config$/.test(key) && fieldsOf(value))) return undefined
  const weights = tensors.filter(({ component }) => component === 'weights')
  const long = weights.filter(({ shape }) => shape.length > 1 && shape.includes(vocabulary))
  const [table] = long
  if (!table || long.length > 1 || table.shape.length > 2 || !TABLE.test(table.name)) return undefined
  const isHead = (name: string) => HEAD.test(layerName(name)?.container ?? name)
  return weights.some(({ name }) => isHead(unwrapped(name))) ? undefined : table
}
