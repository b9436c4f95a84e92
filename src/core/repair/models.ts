import type { Checkpoint } from '../checkpoint/checkpoint'
import { itemSize } from '../checkpoint/dtype'
import { spanOf } from '../checkpoint/gather'
import { isWhole, numel, type Tensor } from '../checkpoint/tensor'
import { outputOf } from '../write/output'
import { whyNotSafetensors } from '../write/safetensors'
import { whyNotTorch } from '../write/torch-zip'
import { castTargetOf, castTo } from './cast'
import { type Witnessed, witnessed } from './check'
import type { ExportOptions, ExportResult } from './export'

/** One model of a checkpoint, and the name, without extension, of the file that it is written to. */
export interface Model {
  readonly stem: string
  readonly tensors: readonly Witnessed[]
}

/** Hugging Face's names for a file of weights: SAFE_WEIGHTS_NAME and WEIGHTS_NAME. */
const STEM = { safetensors: 'model', torch: 'pytorch_model' }
const SHARD = /-\d{5}-of-\d{5}$/

/** What an export is about: the weights, or where there are none the adapter. */
export function chosenOf({ tensors }: Checkpoint): Tensor[] {
  const weights = tensors.filter(({ component }) => component === 'weights')
  return weights.length > 0 ? weights : tensors.filter(({ component }) => component === 'adapter')
}

/**
 * The models in the tensors that `chosenOf` gives. Shards are one model; other files are one
 * each, as Accelerate keeps several models in one folder (`model.safetensors`, `model_1.safetensors`).
 * What cannot be written, or is `damaged`, is listed in `left`. Throws `usage` for an unknown dtype.
 */
export function modelsOf(
  chosen: readonly Tensor[],
  damaged: ReadonlyMap<Tensor, string>,
  options: ExportOptions,
): { models: Model[]; left: ExportResult['left'] } {
  const target = options.dtype === undefined ? undefined : castTargetOf(options.dtype)
  const byFile = new Map<string, Witnessed[]>()
  const left: { name: string; why: string }[] = []
  for (const tensor of chosen) {
    const key = withoutShard(tensor.file)
    const group = byFile.get(key) ?? []
    byFile.set(key, group)
    const why = damaged.get(tensor) ?? whyNot(tensor, options.format)
    if (why !== undefined) left.push({ name: tensor.name, why })
    else {
      const output = outputOf(tensor)
      group.push(witnessed(target ? castTo(output, target) : output))
    }
  }
  const files = [...byFile].filter(([, tensors]) => tensors.length > 0)
  const [only] = files
  if (files.length === 1 && only) {
    const stem = chosen[0]?.component === 'weights' ? STEM[options.format] : 'adapter_model'
    return { models: [{ stem, tensors: only[1] }], left }
  }
  const taken = new Set<string>()
  const models = files.map(([path, tensors]) => ({ stem: freeStem(path, options.format, taken), tensors }))
  return { models, left }
}

function whyNot(tensor: Tensor, format: ExportOptions['format']): string | undefined {
  if (tensor.form?.kind === 'quantized')
    return `its integers mean nothing without how they were quantized (${tensor.form.how})`
  if (tensor.whole) return `it is one process's piece of a tensor of shape [${tensor.whole.shape.join(', ')}]`
  if (numel(tensor.shape) > 0 && tensor.blocks.length === 0) {
    return tensor.form ? `its dense form (of a ${tensor.form.how} tensor) cannot be made` : 'its values are not stored'
  }
  if (!isWhole(tensor)) return 'a part of its values is not here'
  const cut = tensor.blocks.some(
    ({ source, offset, shape, strides }) => offset + spanOf(shape, strides) * itemSize(tensor.dtype) > source.size,
  )
  if (cut) return 'its file ends before its values do'
  return format === 'safetensors' ? whyNotSafetensors(tensor) : whyNotTorch(tensor)
}

/** The path without extension and shard number, plus the extension: equal for all shards of one model. */
function withoutShard(path: string): string {
  const dot = path.lastIndexOf('.')
  const [stem, extension] = dot > path.lastIndexOf('/') ? [path.slice(0, dot), path.slice(dot)] : [path, '']
  return stem.replace(SHARD, '') + extension
}

/** `pytorch_model_1.bin` becomes `model_1` as safetensors, and the other way round; folders become part of the name. */
function freeStem(path: string, format: ExportOptions['format'], taken: Set<string>): string {
  const stem = path.replace(/\.[^./]*$/, '').replaceAll('/', '_')
  const base = stem.replace(/^(pytorch_)?model(?=_|$)/, STEM[format])
  let free = base
  for (let n = 1; taken.has(free); n++) free = `${base}_${n}`
  taken.add(free)
  return free
}
