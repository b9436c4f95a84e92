import { ahead } from '../analysis/ahead'
import { makeFolder } from '../bytes/file-sink'
import { baseName, joinPath, parentOf, pathKind } from '../bytes/folder'
import { stage } from '../bytes/stage'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { byteLength, type Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import type { WriteOptions } from '../write/output'
import { absentTensors } from './absent'
import { adapterIn } from './adapter'
import { mismatch } from './check'
import { companionsOf } from './companions'
import { ADAPTER_CONFIG, configBeside, modelConfigs, type TextFile } from './config-files'
import { copyFile, isSameFile } from './copied'
import { archiveBytes, damagedTensors } from './damaged'
import { type Edits, edited } from './edits'
import { indexOf, type Part, partsOf, readBack, sizeOf, writePart } from './export-parts'
import { warningsOf } from './export-warnings'
import { mergedWith } from './lora'
import { type Master, widerMasters } from './masters'
import { chosenOf, modelsOf } from './models'
import { Progress } from './progress'
import { refuseFull, type Written, writeText } from './target'
import { sharedOnce, tied } from './ties'

export interface ExportOptions extends WriteOptions, Edits {
  /** Told by the name of the target where it is not given: `.bin`, `.pt`, `.pth` and `.ckpt` are PyTorch's, all else is safetensors. */
  readonly format?: ExportFormat
  /** float32, float16 or bfloat16: floating tensors are rounded to it, all others stay as they are. */
  readonly dtype?: string
  /** Bytes of values that one file may hold. */
  readonly maxShardSize?: number
  /** Give every tensor values of its own in a PyTorch file; else tensors that are one view of one storage stay one. */
  readonly untie?: boolean
  /** Make the head and the embedding that config.json ties one tensor, where they are equal. */
  readonly tie?: boolean
  /** Write the values that the optimizer keeps of the weights in place of those that were rounded for the training in 16 bits. */
  readonly masters?: boolean
  /** Write only the LoRA adapter of a model that was saved with it, as PEFT saves it. */
  readonly onlyAdapter?: boolean
  /** Scaling of that adapter, where no adapter_config.json tells it. */
  readonly loraAlpha?: number
  /** An open adapter that is merged into the checkpoint. */
  readonly adapter?: Checkpoint
  /** Write what can be written although something must be left out; else nothing is. */
  readonly partial?: boolean
}

export type ExportFormat = 'safetensors' | 'torch'

/** What an export would do, or has done, beside the files themselves. */
interface ExportFacts {
  /** Relative to `out`, or its own name when it is one file. */
  readonly files: { readonly path: string; readonly bytes: number }[]
  /** Tensors left out, and why: those that could not be written, and those that were not there. */
  readonly left: { readonly name: string; readonly why: string }[]
  /** Names of tensors that were not to be written. */
  readonly dropped: string[]
  /** Tensors and files that are written as they are and want a repair, and values that rounding does not keep. */
  readonly warnings: { readonly name: string; readonly why: string }[]
  /** Set where the optimizer keeps so many of the weights in a wider dtype: `written` where those are what is written. */
  readonly masters?: MastersBeside
}

interface MastersBeside {
  readonly count: number
  readonly file: string
  readonly dtype: string
  readonly written: boolean
}

export interface ExportResult extends ExportFacts {
  readonly out: string
  readonly tensors: number
  /** Of the values; headers are not counted. */
  readonly bytes: number
}

/** What an export would write. */
export interface ExportPlan extends ExportFacts {
  readonly format: ExportFormat
  /** `was`, `wasDtype`: in the checkpoint, where they are others. */
  readonly tensors: {
    readonly name: string
    readonly was?: string
    readonly dtype: string
    readonly wasDtype?: string
    readonly shape: readonly number[]
    readonly file: string
    readonly merged?: true
  }[]
}

/** An `out` that ends like this names a file; any other a folder. */
const FILE_NAME = /\.(safetensors|bin|pt|pth|ckpt)$/i

/** The format that a target's name asks for. */
export function formatOf(out: string, format?: ExportFormat): ExportFormat {
  return format ?? (/\.(bin|pt|pth|ckpt)$/i.test(out) ? 'torch' : 'safetensors')
}

/**
 * What `exportWeights` would write, reading values only where rounding them is to be judged. Writes nothing. Throws as it does,
 * but for what writing throws.
 */
export async function planExport(checkpoint: Checkpoint, out: string, options: ExportOptions): Promise<ExportPlan> {
  const passes = options.dtype === undefined ? 0 : 1
  const plan = await prepared(checkpoint, out, options, passes)
  const { material, stored, parts, left, tallies, progress, alone, texts, companions, masters } = plan
  const was = new Map([...material.kept].map(([tensor, name]) => [name, tensor]))
  for (const tensor of parts.flatMap((part) => part.tensors)) {
    const read = byteLength(was.get(tensor.name) ?? tensor)
    if (!tallies.has(tensor.name) || tensor.isVerbatim) {
      progress.add(read * passes, tensor.name)
      continue
    }
    const ratio = read / byteLength(tensor)
    for await (const block of tensor.blocks(options.signal)) progress.add(block.byteLength * ratio, tensor.name)
  }
  const format = formatOf(out, options.format)
  return {
    format,
    files: [
      ...parts.map((part) => ({ path: alone ? baseName(out) : part.name, bytes: sizeOf(part, format) })),
      ...texts.map(({ path, text }) => ({ path, bytes: new TextEncoder().encode(text).length })),
      ...companions.map(({ path, bytes }) => ({ path, bytes })),
    ],
    tensors: parts.flatMap(({ name: file, tensors }) =>
      tensors.map(({ name, dtype, shape }) => {
        const before = was.get(name)
        const { dtype: wasDtype } = (before && stored.get(before)) ?? before ?? { dtype }
        return {
          ...{ name, dtype, shape, file },
          ...(before && before.name !== name && { was: before.name }),
          ...(wasDtype !== dtype && { wasDtype }),
          ...(before && material.merged?.has(before) && { merged: true as const }),
        }
      }),
    ),
    left,
    dropped: material.dropped.map(({ name }) => name),
    warnings: warningsOf(checkpoint, plan),
    ...(masters && { masters }),
  }
}

/**
 * Writes the weights of a checkpoint, or of an adapter, whatever layout they came in: into one file, or into a folder with a
 * file for each model (`model.safetensors`, `model_1.safetensors`) or with shards and their index. The source is only read.
 * Every tensor is read back and compared before `out` appears; a failure or a cancel leaves nothing behind.
 *
 * Throws `weights/missing` when there is nothing to write, `target/incomplete` when something would be left out and `partial` does
 * not allow it, `usage` for an unknown dtype, for edits that fit nothing and when several files would have to go
 * into one, `target/duplicate-name` for names that meet, `target/exists` unless `out` is free or an empty folder,
 * `target/no-space`, `target/unwritable`, `target/mismatch`, `cancelled`, and what reading the values throws.
 */
export async function exportWeights(
  checkpoint: Checkpoint,
  out: string,
  options: ExportOptions,
): Promise<ExportResult> {
  const plan = await prepared(checkpoint, out, options, 2)
  const { material, parts, left, progress, all, alone, texts, companions, masters } = plan
  const format = formatOf(out, options.format)
  const tensors = parts.flatMap((part) => part.tensors)
  if (left.length > 0 && !options.partial) throw incomplete(checkpoint, left)
  refuseFull(
    out,
    parts.reduce((sum, part) => sum + sizeOf(part, format), 0) + companions.reduce((sum, { bytes }) => sum + bytes, 0),
  )

  const bytes = tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0)
  progress.add((all - bytes) * 2, checkpoint.name)
  const staged = await stage(out)
  try {
    if (!alone) makeFolder(staged.path)
    const place = (name: string) => (alone ? staged.path : joinPath(staged.path, name))
    const files: { path: string; bytes: number }[] = []
    const written: { part: Part; copies: Written['copies'] }[] = []
    const write = async (part: Part) => ({
      part,
      ...(await writePart(place(part.name), part, format, progress, options.signal)),
    })
    for await (const { part, bytes, copies } of ahead(parts, FILES_AT_ONCE, write)) {
      files.push({ path: alone ? baseName(out) : part.name, bytes })
      written.push({ part, copies })
    }
    for (const { path, text } of texts) files.push({ path, bytes: await writeText(place(path), text) })
    for (const { path, from } of companions) {
      makeFolder(parentOf(place(path)))
      const copy = { path, from, to: place(path) }
      const { bytes, copies } = await copyFile(copy, options.signal && { signal: options.signal })
      if (!(await isSameFile(copy, copies, options.signal))) throw mismatch(path, 'the copy differs')
      files.push({ path, bytes })
    }
    for (const { part, copies } of written.toReversed())
      await readBack(place(part.name), part, copies, options.signal, progress)
    await staged.commit()
    const dropped = material.dropped.map(({ name }) => name)
    const warnings = warningsOf(checkpoint, plan)
    return { out, files, tensors: tensors.length, bytes, left, dropped, warnings, ...(masters && { masters }) }
  } catch (error) {
    await staged.discard()
    throw staged.told(error)
  }
}

/** What is to be written, worked out without writing. `passes`: how often the values will be gone through. */
async function prepared(checkpoint: Checkpoint, out: string, options: ExportOptions, passes: number) {
  const format = formatOf(out, options.format)
  const extracted = options.onlyAdapter ? await adapterIn(checkpoint, options.loraAlpha) : undefined
  const chosen = extracted?.tensors ?? chosenOf(checkpoint)
  const wider = widerMasters(checkpoint, chosen)
  const [master] = wider.values()
  if (options.masters && !master)
    throw new AssayError('usage', `No optimizer of ${checkpoint.name} keeps its weights in a wider dtype`)
  const masters = master && {
    ...{ count: wider.size, file: master.file, dtype: master.values.dtype, written: options.masters === true },
  }
  const stored = new Map(chosen.map((tensor) => [options.masters ? unrounded(tensor, wider) : tensor, tensor]))
  const edits = edited([...stored.keys()], options)
  const once = checkpoint.layout === 'accelerate' && format === 'safetensors' && !options.untie
  const ties = options.tie
    ? await tied(checkpoint, edits.kept, format, options.signal)
    : once
      ? sharedOnce(edits.kept)
      : undefined
  const { kept, dropped } = { kept: ties?.kept ?? edits.kept, dropped: [...edits.dropped, ...(ties?.dropped ?? [])] }
  const merge = options.adapter && (await mergedWith(checkpoint, options.adapter, options.signal))
  for (const tensor of merge?.added ?? []) kept.set(tensor, tensor.name)
  const all = [...kept.keys()].reduce((sum, tensor) => sum + byteLength(tensor), 0)
  const checked = archiveBytes(checkpoint, [...kept.keys()])
  const progress = new Progress(checked + all * passes, options.onProgress)
  const damaged = await damagedTensors(checkpoint, [...kept.keys()], progress, options.signal)
  const material = { kept, damaged, dropped, ...(merge && { merged: merge.merged }) }
  const { models, left: unwritable, tallies } = modelsOf(material, { ...options, format })
  const left = [...unwritable, ...absentTensors(checkpoint)]
  const parts = models.flatMap((model) => partsOf(model, format, options.maxShardSize))
  if (parts.every(({ tensors }) => tensors.length === 0)) throw nothing(checkpoint, left)
  const alone = FILE_NAME.test(out) && pathKind(out) !== 'folder'
  if (alone && parts.length > 1)
    throw new AssayError('usage', `${parts.length} files would have to go into ${baseName(out)}`, {
      hint: 'Name a folder as the target',
    })
  const indexes = models.flatMap(({ stem }) => {
    const shards = parts.filter((part) => part.stem === stem)
    return shards.length < 2 ? [] : [indexOf(stem, shards, format)]
  })
  const configs = alone ? [] : await configsFor(checkpoint, [...kept.keys()], options, extracted?.config, edits.dropped)
  const companions = configs.length > 0 ? companionsOf(checkpoint, options.adapter) : []
  const texts = [...indexes, ...configs]
  return { material, stored, parts, left, tallies, progress, all, alone, texts, companions, masters }
}

/** The weight with the values that the optimizer keeps of it; those that are tied share them. */
function unrounded(tensor: Tensor, masters: ReadonlyMap<Tensor, Master>): Tensor {
  const values = masters.get(tensor)?.values
  if (!values) return tensor
  const { storage, name, file, component } = tensor
  const shared = storage && { storage: { key: storage.key, byteLength: byteLength(values) } }
  const { storage: _, ...rest } = values
  return { ...rest, ...shared, name, file, component }
}

function nothing({ name, path }: Checkpoint, left: ExportResult['left']): AssayError {
  const why = left[0] ? `: ${left[0].name}, for one, is left out because ${left[0].why}` : ''
  return new AssayError('weights/missing', `${name} holds no weights that could be written${why}`, { file: path })
}

/** What goes beside the tensors: an adapter is of no use without its config, nor is a model that is exported as a whole. */
async function configsFor(
  checkpoint: Checkpoint,
  kept: readonly Tensor[],
  { dtype, masters }: ExportOptions,
  adapterConfig: string | undefined,
  dropped: readonly Tensor[],
): Promise<TextFile[]> {
  if (!kept.some(({ component }) => component === 'adapter'))
    return dropped.length > 0 ? [] : modelConfigs(checkpoint, dtype ?? (masters ? 'float32' : undefined))
  const text = adapterConfig ?? (await configBeside(checkpoint, ADAPTER_CONFIG))
  return text === undefined ? [] : [{ path: ADAPTER_CONFIG, text }]
}

/** While one file is flushed to the disk the next is copied. */
const FILES_AT_ONCE = 2

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
      hint: 'Nothing was written. A partial export writes the rest.',
    },
  )
}
