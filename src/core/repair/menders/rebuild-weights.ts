import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { isReadable } from '../../checkpoint/values'
import { fieldsOf } from '../../decode/plain'
import type { RuleId } from '../../finding'
import { list, shapeText } from '../../verify/text'
import { type OutputTensor, outputOf } from '../../write/output'
import { whyNotSafetensors } from '../../write/safetensors'
import { castTo } from '../cast'
import type { Context } from '../context'
import { modelFile } from '../model-file'
import type { Proposal } from '../steps'

/** Files of a whole model, as transformers and Accelerate name them. */
const MODEL = /^(?:pytorch_model|model)\.(safetensors|bin)$/
/** Findings of a file of which nothing can be read. */
const UNREADABLE: readonly RuleId[] = [
  'file/empty',
  'file/zeroed',
  'file/truncated',
  'file/bad-header',
  'file/unreadable',
  'file/not-downloaded',
  'file/not-a-checkpoint',
  'file/unknown-format',
  'pickle/malformed',
]

/**
 * Writes a file of the model of which nothing can be read anew from the parts that the ranks of a sharded training wrote beside it:
 * what zero_to_fp32.py and `accelerate merge-weights` do.
 */
export async function rebuildWeights(context: Context): Promise<Proposal[]> {
  const { checkpoint, weights } = context
  const file = checkpoint.files.find(({ path, tensors }) => MODEL.test(path) && tensors.length === 0)
  if (weights.length > 0 || !file) return []
  const parts = await context.parts()
  const [part] = parts
  if (!part) return []
  const base = {
    kind: 'rebuild-weights' as const,
    subject: file.path,
    action: `Write ${file.path} anew from ${part.name}/`,
    rules: UNREADABLE,
    answers: (rule: RuleId) => rule === 'weights/missing',
    before: `${file.size} bytes`,
  }
  const refused = (evidence: string): Proposal => ({ ...base, confidence: 'refused', evidence })
  if (parts.length > 1)
    return [refused(`${list(parts.map(({ name }) => name))} hold the model in parts; which is meant cannot be told`)]
  const tensors = part.tensors.filter(({ component }) => component === 'weights')
  const torn = tensors.filter((tensor) => !isReadable(tensor)).map(({ name }) => name)
  if (torn.length > 0) return [refused(`${part.name}/ does not hold all of ${list(torn)}: parts of ranks are not here`)]
  const { outputs, rounding } = outputsOf(tensors, part, checkpoint)
  const odd = outputs.find((output) => file.path.endsWith('.safetensors') && whyNotSafetensors(output) !== undefined)
  if (odd) return [refused(`${odd.name} cannot be kept in a safetensors file`)]
  const ranks = part.state.worldSize ?? 1
  const evidence = `${part.name}/ holds all ${tensors.length} tensors of the same save, in parts of ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}${rounding}`
  const after = `${tensors.length} tensors, the first ${shapeText(tensors[0]?.shape ?? [])}`
  return [{ ...base, confidence: 'likely', evidence, after, files: [modelFile(file.path, 'weights', outputs)] }]
}

/**
 * Weights that DeepSpeed kept as fp32 masters are rounded to what config.json says the model was saved in, as its own 16-bit
 * weights are; everything else is written as it is.
 */
function outputsOf(tensors: readonly Tensor[], part: Checkpoint, checkpoint: Checkpoint) {
  const config = fieldsOf(checkpoint.config)
  const told = config?.dtype ?? config?.torch_dtype
  const dtype = told === 'float16' || told === 'bfloat16' ? told : undefined
  const masters = new Set(part.state.optimizers.flatMap(({ parameters }) => parameters.map(({ key }) => key)))
  // Tied weights have the masters of the one that is trained.
  const isMaster = ({ name, dtype: own, storage }: Tensor) =>
    own === 'float32' && (masters.has(name) || (storage !== undefined && masters.has(storage.key)))
  const outputs = tensors.map((tensor): OutputTensor => {
    const output = outputOf(tensor)
    return dtype && isMaster(tensor) ? castTo(output, dtype) : output
  })
  const some = tensors.some(isMaster)
  const kept = '; kept in float32, as the masters are: no config.json tells what the model was saved in'
  return {
    outputs,
    rounding: !some ? '' : dtype ? `; float32 masters are rounded to ${dtype}, as config.json says` : kept,
  }
}
