import { openFile } from '../bytes/file'
import { joinPath } from '../bytes/folder'
import type { Checkpoint, StateFile } from '../checkpoint/checkpoint'
import type { Tensor } from '../checkpoint/tensor'
import { checkCrc, openZip, type ZipArchive, type ZipEntry } from '../container/zip'
import { AssayError } from '../errors'
import type { Progress } from './progress'
import { rootOf } from './shard-index'

/** Bytes of the archives that `tensors` lie in: what `damagedTensors` reads at most. */
export function archiveBytes({ files }: Checkpoint, tensors: readonly Tensor[]): number {
  const inUse = new Set(tensors.map(({ file }) => file))
  return files.filter((file) => isArchive(file) && inUse.has(file.path)).reduce((sum, { size }) => sum + size, 0)
}

/**
 * Those of `tensors` whose record in a torch archive differs from the CRC-32 stored with it, and why they cannot be trusted.
 * torch.load does not look, so a copy would hide the damage for good. Reads the records in blocks; throws `cancelled`.
 */
export async function damagedTensors(
  checkpoint: Checkpoint,
  tensors: readonly Tensor[],
  progress: Progress,
  signal?: AbortSignal,
): Promise<Map<Tensor, string>> {
  const damaged = new Map<Tensor, string>()
  for (const file of checkpoint.files) {
    const inside = tensors.filter((tensor) => tensor.file === file.path)
    if (!isArchive(file) || inside.length === 0) continue
    let read = 0
    const onBytes = (bytes: number) => {
      read += bytes
      progress.add(bytes, file.path)
    }
    const source = openFile(joinPath(rootOf(checkpoint), file.path), file.path)
    try {
      const archive = await openZip(source)
      const bad = await badRecords(archive, new Set(inside.map(({ storage }) => storage?.key)), onBytes, signal)
      for (const tensor of inside) {
        const record = bad.get(undefined) ?? bad.get(tensor.storage?.key)
        if (record !== undefined) damaged.set(tensor, `the record ${record} differs from the checksum stored with it`)
      }
    } finally {
      source.close()
    }
    progress.add(Math.max(file.size - read, 0), file.path)
  }
  return damaged
}

function isArchive({ kind }: StateFile): boolean {
  return kind === 'torch-zip'
}

/** Names of damaged records by the key of their storage; undefined for the pickle, on which all tensors depend. */
async function badRecords(
  archive: ZipArchive,
  keys: ReadonlySet<string | undefined>,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Map<string | undefined, string>> {
  const bad = new Map<string | undefined, string>()
  for (const entry of archive.entries) {
    const key = /^[^/]+\/data\/(.+)$/.exec(entry.name)?.[1]
    const isPickle = /^[^/]+\/data\.pkl$/.test(entry.name)
    if (!isPickle && (key === undefined || !keys.has(key))) continue
    if (await isBad(archive, entry, onBytes, signal)) bad.set(key, entry.name)
  }
  return bad
}

/** A record that cannot be read is found when its values are. */
async function isBad(
  archive: ZipArchive,
  entry: ZipEntry,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    return (await checkCrc(archive, entry, signal, onBytes))?.isSame === false
  } catch (error) {
    if (error instanceof AssayError && error.code !== 'cancelled') return false
    throw error
  }
}
