import { openStateFile } from '../checkpoint/state-file'
import { byteLength } from '../checkpoint/tensor'
import { layoutSafetensors, writeSafetensors } from '../write/safetensors'
import { planShards, shardIndex, shardNames } from '../write/shards'
import { writeTorchZip } from '../write/torch-zip'
import { checkWritten, type Witnessed } from './check'
import type { TextFile } from './config-files'
import type { ExportFormat } from './export'
import type { Model } from './models'
import type { Progress } from './progress'
import { type Written, writeFile } from './target'

const EXTENSION = { safetensors: '.safetensors', torch: '.bin' }

/** One file to be written. */
export interface Part {
  readonly stem: string
  readonly name: string
  readonly tensors: readonly Witnessed[]
}

/** The files of a model: one, or shards of at most `maxShardSize` bytes of values each, as Hugging Face names them. */
export function partsOf({ stem, tensors }: Model, format: ExportFormat, maxShardSize: number | undefined): Part[] {
  const shards = planShards(tensors, maxShardSize)
  const names = shardNames(stem, EXTENSION[format], shards.length)
  return shards.map((shard, i) => ({ stem, name: names[i] as string, tensors: shard }))
}

/** Bytes of the file: exactly for safetensors, generously for a torch zip, whose tied tensors are written once. */
export function sizeOf({ tensors }: Part, format: ExportFormat): number {
  if (format === 'safetensors') return layoutSafetensors(tensors, METADATA).size
  return tensors.reduce((sum, tensor) => sum + byteLength(tensor) + 512 + 4 * tensor.name.length, 4096)
}

/** What transformers asks of a safetensors file of PyTorch weights. */
const METADATA = { format: 'pt' }

/** Writes one file and flushes it to the disk. Throws as `writeFile`, and what reading the values throws. */
export function writePart(
  path: string,
  { tensors }: Part,
  format: ExportFormat,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Written> {
  const write = { ...(signal && { signal }), onProgress: progress.piece() }
  return writeFile(path, (sink) =>
    format === 'safetensors' ? writeSafetensors(sink, tensors, METADATA, write) : writeTorchZip(sink, tensors, write),
  )
}

/**
 * Opens a file that was written and compares each tensor with what it was made of, but for those whose bytes in `copies` were compared
 * as they were written. Throws as `checkWritten`.
 */
export async function readBack(
  path: string,
  { name, tensors }: Part,
  copies: Written['copies'],
  signal: AbortSignal | undefined,
  progress: Progress,
) {
  const file = await openStateFile(path, name, 'weights')
  try {
    const onTensor = (tensor: Witnessed) => progress.add(byteLength(tensor), tensor.name)
    await checkWritten(tensors, file.tensors, name, { ...(signal && { signal }), ...(copies && { copies }), onTensor })
  } finally {
    file.close()
  }
}

/** The index that names the shard of every tensor, as transformers and Accelerate read it. */
export function indexOf(stem: string, shards: readonly Part[], format: ExportFormat): TextFile {
  const held = shards.flatMap(({ name: file, tensors }) =>
    tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, file })),
  )
  return { path: `${stem}${EXTENSION[format]}.index.json`, text: shardIndex(held) }
}
