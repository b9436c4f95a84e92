import type { Checkpoint } from '../checkpoint/checkpoint'
import { isWhole, numel, type Tensor } from '../checkpoint/tensor'
import { isReadable } from '../checkpoint/values'
import { type OutputTensor, outputOf } from '../write/output'
import { whyNotSafetensors } from '../write/safetensors'
import { castTargetOf, castTo, type Tally } from './cast'
import { type Witnessed, witnessed } from './check'
import { refuseCollisions } from './edits'
import type { ExportFormat, ExportOptions, ExportResult } from './export'
import { isFlatParameter, parametersIn } from './flat-parameters'

/** One model of a checkpoint, and the name, without extension, of the file that it is written to. */
export interface Model {
  readonly stem: string
  readonly tensors: readonly Witnessed[]
}

/** Hugging Face's names for a file of weights: SAFE_WEIGHTS_NAME and WEIGHTS_NAME. */
const STEM = { safetensors: 'model', torch: 'pytorch_model' }
const SHARD = /-\d{5}-of-\d{5}$/

/** What an export is about: the weights, cut out of flat parameters where that can be, or where there are none the adapter. */
export function chosenOf(checkpoint: Checkpoint): Tensor[] {
  const weights = checkpoint.tensors.filter(({ component }) => component === 'weights')
  if (weights.length === 0) return checkpoint.tensors.filter(({ component }) => component === 'adapter')
  const flat = weights.filter(isFlatParameter)
  const cut = flat.length > 0 ? parametersIn(checkpoint, flat) : undefined
  return cut ? [...cut, ...weights.filter((tensor) => !flat.includes(tensor))] : weights
}

/** What the models of an export are made of. */
export interface Material {
  /** The tensors to be written and what they are to be called. */
  readonly kept: ReadonlyMap<Tensor, string>
  /** Those that cannot be trusted, and why. */
  readonly damaged: ReadonlyMap<Tensor, string>
  /** Those whose values are not just what is stored. */
  readonly merged?: ReadonlyMap<Tensor, OutputTensor>
}

/**
 * The models in the tensors of an export. Shards are one model; other files are one
 * each, as Accelerate keeps several models in one folder (`model.safetensors`, `model_1.safetensors`).
 * What cannot be written, or is damaged, is listed in `left`; `tallies` counts, by name, what rounding does not keep, as the values
 * go by. Throws `usage` for an unknown dtype and `target/duplicate-name`.
 */
export function modelsOf(
  { kept, damaged, merged }: Material,
  options: Pick<ExportOptions, 'dtype' | 'untie'> & { readonly format: ExportFormat },
): { models: Model[]; left: ExportResult['left']; tallies: Map<string, Tally> } {
  const target = options.dtype === undefined ? undefined : castTargetOf(options.dtype)
  const byFile = new Map<string, [Tensor, string][]>()
  const left: { name: string; why: string }[] = []
  for (const [tensor, name] of kept) {
    const key = withoutShard(tensor.file)
    const group = byFile.get(key) ?? []
    byFile.set(key, group)
    const why = damaged.get(tensor) ?? whyNot({ ...tensor, name }, options.format)
    if (why !== undefined) left.push({ name: tensor.name, why })
    else group.push([tensor, name])
  }
  const tallies = new Map<string, Tally>()
  const outputs = (group: readonly (readonly [Tensor, string])[]) => {
    refuseCollisions(group)
    return group.map(([tensor, name]) => {
      const { from, ...values } = merged?.get(tensor) ?? outputOf(tensor)
      const output = { ...values, name, ...(from && !options.untie && { from }) }
      if (!target) return witnessed(output)
      const tally = { overflow: 0, underflow: 0 }
      tallies.set(name, tally)
      return witnessed(castTo(output, target, tally))
    })
  }
  const files = [...byFile].filter(([, group]) => group.length > 0)
  const [only] = files
  if (files.length === 1 && only) {
    const stem = only[1][0]?.[0].component === 'adapter' ? 'adapter_model' : STEM[options.format]
    return { models: [{ stem, tensors: outputs(only[1]) }], left, tallies }
  }
  const taken = new Set<string>()
  const models = files.map(([path, group]) => ({
    stem: freeStem(path, options.format, taken),
    tensors: outputs(group),
  }))
  return { models, left, tallies }
}

function whyNot(tensor: Tensor, format: ExportFormat): string | undefined {
  if (tensor.form?.kind === 'quantized')
    return `its integers mean nothing without how they were quantized (${tensor.form.how})`
  if (tensor.doubt) return tensor.doubt.why
  if (isFlatParameter(tensor)) return 'it holds parameters one behind another, and no config.json tells exactly which'
  if (tensor.whole) {
    const piece = `it is one process's piece of a tensor of shape [${tensor.whole.shape.join(', ')}]`
    return tensor.whole.start
      ? piece
      : `${piece}, and nothing in it tells which; full_tensor() of torch gathers it where it was trained`
  }
  if (numel(tensor.shape) > 0 && tensor.blocks.length === 0) {
    return tensor.form ? `its dense form (of a ${tensor.form.how} tensor) cannot be made` : 'its values are not stored'
  }
  if (!isWhole(tensor)) return 'a part of its values is not here'
  if (numel(tensor.shape) > 0 && !isReadable(tensor)) return 'its file ends before its values do'
  return format === 'safetensors' ? whyNotSafetensors(tensor) : undefined
}

/** The path without extension and shard number, plus the extension: equal for all shards of one model. */
function withoutShard(path: string): string {
  const dot = path.lastIndexOf('.')
  const [stem, extension] = dot > path.lastIndexOf('/') ? [path.slice(0, dot), path.slice(dot)] : [path, '']
  return stem.replace(SHARD, '') + extension
}

/** `pytorch_model_1.bin` becomes `model_1` as safetensors, and the other way round; folders become part of the name. */
function freeStem(path: string, format: ExportFormat, taken: Set<string>): string {
  const stem = path.replace(/\.[^./]*$/, '').replaceAll('/', '_')
  const base = stem.replace(/^(pytorch_)?model(?=_|$)/, STEM[format])
  let free = base
  for (let n = 1; taken.has(free); n++) free = `${base}_${n}`
  taken.add(free)
  return free
}
