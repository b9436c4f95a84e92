import { makeFolder } from '../bytes/file-sink'
import { baseName, joinPath, pathKind } from '../bytes/folder'
import { stage } from '../bytes/stage'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { openStateFile } from '../checkpoint/state-file'
import { byteLength } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import type { WriteOptions } from '../write/output'
import { layoutSafetensors, writeSafetensors } from '../write/safetensors'
import { planShards, shardIndex, shardNames } from '../write/shards'
import { writeTorchZip } from '../write/torch-zip'
import { absentTensors, misshapenTensors } from './absent'
import { checkWritten, type Witnessed } from './check'
import { archiveBytes, damagedTensors } from './damaged'
import { chosenOf, type Model, modelsOf } from './models'
import { Progress } from './progress'
import { refuseFull, writeFile, writeText } from './target'

export interface ExportOptions extends WriteOptions {
  readonly format: ExportFormat
  /** float32, float16 or bfloat16: floating tensors are rounded to it, all others stay as they are. */
  readonly dtype?: string
  /** Bytes of values that one file may hold. */
  readonly maxShardSize?: number
  /** Write what can be written although something must be left out; else nothing is. */
  readonly partial?: boolean
}

type ExportFormat = 'safetensors' | 'torch'

export interface ExportResult {
  readonly out: string
  /** Relative to `out`, or its own name when it is one file. */
  readonly files: { readonly path: string; readonly bytes: number }[]
  readonly tensors: number
  /** Of the values; headers are not counted. */
  readonly bytes: number
  /** Tensors left out, and why: those that could not be written, and those that were not there. */
  readonly left: { readonly name: string; readonly why: string }[]
  /** Tensors that were written as they are and want a repair. */
  readonly warnings: { readonly name: string; readonly why: string }[]
}

const EXTENSION = { safetensors: '.safetensors', torch: '.bin' }
/** An `out` that ends like this names a file; any other a folder. */
const FILE_NAME = /\.(safetensors|bin|pt|pth|ckpt)$/i

/**
 * Writes the weights of a checkpoint, or of an adapter, whatever layout they came in: into one file, or into a folder with a
 * file for each model (`model.safetensors`, `model_1.safetensors`) or with shards and their index. The source is only read.
 * Every tensor is read back and compared before `out` appears; a failure or a cancel leaves nothing behind.
 *
 * Throws `weights/missing` when there is nothing to write, `target/incomplete` when something would be left out and `partial` does
 * not allow it, `usage` for an unknown dtype and when several files would have to go
 * into one, `target/exists` unless `out` is free or an empty folder, `target/no-space`, `target/unwritable`, `target/mismatch`,
 * `cancelled`, and what reading the values throws.
 */
export async function exportWeights(
  checkpoint: Checkpoint,
  out: string,
  options: ExportOptions,
): Promise<ExportResult> {
  const chosen = chosenOf(checkpoint)
  const all = chosen.reduce((sum, tensor) => sum + byteLength(tensor), 0)
  const checked = archiveBytes(checkpoint, chosen)
  const progress = new Progress(checked + all * 2, options.onProgress)
  const damaged = await damagedTensors(checkpoint, chosen, progress, options.signal)
  const { models, left: unwritable } = modelsOf(chosen, damaged, options)
  const left = [...unwritable, ...absentTensors(checkpoint)]
  const parts = models.flatMap((model) => partsOf(model, options))
  const tensors = parts.flatMap((part) => part.tensors)
  if (tensors.length === 0) {
    const why = left[0] ? `: ${left[0].name}, for one, is left out because ${left[0].why}` : ''
    throw new AssayError('weights/missing', `${checkpoint.name} holds no weights that could be written${why}`, {
      file: checkpoint.path,
    })
  }
  if (left.length > 0 && !options.partial) throw incomplete(checkpoint, left)
  const alone = FILE_NAME.test(out) && pathKind(out) !== 'folder'
  if (alone && parts.length > 1)
    throw new AssayError('usage', `${parts.length} files would have to go into ${baseName(out)}`, {
      hint: 'Name a folder as the target',
    })
  refuseFull(
    out,
    parts.reduce((sum, part) => sum + sizeOf(part, options.format), 0),
  )

  const bytes = tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0)
  progress.add((all - bytes) * 2, checkpoint.name)
  const staged = await stage(out)
  try {
    if (!alone) makeFolder(staged.path)
    const place = (name: string) => (alone ? staged.path : joinPath(staged.path, name))
    const files: { path: string; bytes: number }[] = []
    for (const part of parts) {
      const size = await writePart(place(part.name), part, options, progress)
      files.push({ path: alone ? baseName(out) : part.name, bytes: size })
    }
    for (const { stem } of models) {
      const shards = parts.filter((part) => part.stem === stem)
      if (shards.length < 2) continue
      const name = `${stem}${EXTENSION[options.format]}.index.json`
      files.push({ path: name, bytes: await writeText(place(name), indexOf(shards)) })
    }
    for (const part of parts) await readBack(place(part.name), part, options.signal, progress)
    await staged.commit()
    const warnings = misshapenTensors(checkpoint, new Set(tensors.map(({ name }) => name)))
    return { out, files, tensors: tensors.length, bytes, left, warnings }
  } catch (error) {
    await staged.discard()
    throw error
  }
}

/** As many as fit a message. */
const MOST_NAMED = 8

function incomplete({ path }: Checkpoint, left: ExportResult['left']): AssayError {
  const named = left.slice(0, MOST_NAMED).map(({ name, why }) => `${name} (${why})`)
  const more = left.length > MOST_NAMED ? `, and ${left.length - MOST_NAMED} more` : ''
  return new AssayError(
    'target/incomplete',
    `Not everything can be exported. Left out would be ${named.join(', ')}${more}`,
    {
      file: path,
      hint: 'Nothing was written. --partial writes the rest.',
    },
  )
}

/** One file to be written. */
interface Part {
  readonly stem: string
  readonly name: string
  readonly tensors: readonly Witnessed[]
}

function partsOf({ stem, tensors }: Model, { format, maxShardSize }: ExportOptions): Part[] {
  const shards = planShards(tensors, maxShardSize)
  const names = shardNames(stem, EXTENSION[format], shards.length)
  return shards.map((shard, i) => ({ stem, name: names[i] as string, tensors: shard }))
}

/** Bytes of the file: exactly for safetensors, generously for a torch zip, whose tied tensors are written once. */
function sizeOf({ tensors }: Part, format: ExportFormat): number {
  if (format === 'safetensors') return layoutSafetensors(tensors, METADATA).size
  return tensors.reduce((sum, tensor) => sum + byteLength(tensor) + 512 + 4 * tensor.name.length, 4096)
}

/** What transformers asks of a safetensors file of PyTorch weights. */
const METADATA = { format: 'pt' }

function writePart(path: string, { tensors }: Part, options: ExportOptions, progress: Progress): Promise<number> {
  const write = { ...(options.signal && { signal: options.signal }), onProgress: progress.piece() }
  return writeFile(path, (sink) =>
    options.format === 'safetensors'
      ? writeSafetensors(sink, tensors, METADATA, write)
      : writeTorchZip(sink, tensors, write),
  )
}

async function readBack(path: string, { name, tensors }: Part, signal: AbortSignal | undefined, progress: Progress) {
  const file = await openStateFile(path, name, 'weights')
  try {
    const onTensor = (tensor: Witnessed) => progress.add(byteLength(tensor), tensor.name)
    await checkWritten(tensors, file.tensors, name, { ...(signal && { signal }), onTensor })
  } finally {
    file.close()
  }
}

function indexOf(shards: readonly Part[]): string {
  return shardIndex(
    shards.flatMap(({ name: file, tensors }) =>
      tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, file })),
    ),
  )
}
