import type { ByteSource } from '../../bytes/source'
import { openZip, type ZipArchive } from '../../container/zip'
import { AssayError } from '../../errors'
import type { ComponentId } from '../checkpoint'
import type { Contents } from './contents'
import { isKeras, readKeras } from './keras'
import { isNpz, readNpz } from './npz'
import { type ReadRecord, readStateArchive, stateRecords } from './state-archive'
import { isTorchExport, readTorchExport } from './torch-export'
import { isTorchPackage, readTorchPackage } from './torch-package'
import { readTorchZip } from './torch-zip'

/**
 * A zip archive, read by what its records are called; `readRecord` reads those that are state files, without it none is read.
 * Throws as its readers.
 */
export async function readZipFile(
  source: ByteSource,
  file: string,
  component: ComponentId,
  readRecord: ReadRecord = refuse,
): Promise<Contents> {
  const archive = await openZip(source)
  if (isNpz(archive)) return readNpz(archive, file, component)
  if (isKeras(archive)) return readKeras(archive, file, component)
  if (isTorchExport(archive)) return readTorchExport(archive, file, component)
  if (isTorchPackage(archive)) return readTorchPackage(archive, file, component)
  const states = holdsDataPickle(archive) ? undefined : stateRecords(archive, file)
  if (states) return readStateArchive(states, file, component, readRecord)
  return readTorchZip(archive, file, component)
}

async function refuse(source: ByteSource, file: string): Promise<Contents> {
  const message = `${source.name}: state files in an archive in an archive are not opened`
  throw new AssayError('file/resource-bomb', message, { file })
}

/** What `torch.save` and `torch.jit.save` write. */
function holdsDataPickle({ entries }: ZipArchive): boolean {
  return entries.some(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name))
}
