import type { ByteSource } from '../../bytes/source'
import { openZip } from '../../container/zip'
import type { ComponentId } from '../checkpoint'
import type { Contents } from './contents'
import { isNpz, readNpz } from './npz'
import { readTorchZip } from './torch-zip'

/** A zip archive, read by what its records are called. Throws as `openZip`, `readNpz` and `readTorchZip`. */
export async function readZipFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const archive = await openZip(source)
  return isNpz(archive) ? readNpz(archive, file, component) : readTorchZip(archive, file, component)
}
