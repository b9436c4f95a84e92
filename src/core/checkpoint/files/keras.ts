import { readBytes } from '../../bytes/source'
import { entrySource, type ZipArchive } from '../../container/zip'
import { AssayError } from '../../errors'
import { findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import type { Contents } from './contents'
import { parsed, readHdf5File } from './hdf5'
import { textsIn } from './torch-records'

const WEIGHTS = 'model.weights.h5'
/** Largest config.json that is read. */
const LARGEST = 1 << 24

/** Whether the archive is one that Keras 3 saves: `model.weights.h5` with two JSON files beside it. */
export function isKeras({ entries }: ZipArchive): boolean {
  return entries.some(({ name }) => name === WEIGHTS)
}

/** A `.keras` archive (keras 3.15, saving_lib.py): the tensors of its HDF5 file, and what its JSON files say as the config. */
export async function readKeras(archive: ZipArchive, file: string, component: ComponentId): Promise<Contents> {
  const weights = archive.entries.find(({ name }) => name === WEIGHTS)
  if (!weights) throw new AssayError('file/bad-header', `${file} holds no ${WEIGHTS}`, { file })
  const config = Object.create(null)
  const findings = [...archive.findings]
  for (const { name, as } of [
    { name: 'metadata.json', as: 'metadata' },
    { name: 'config.json', as: 'model_config' },
  ]) {
    const entry = archive.entries.find((each) => each.name === name)
    if (!entry || entry.size > LARGEST) continue
    try {
      config[as] = parsed(new TextDecoder().decode(await readBytes(entrySource(archive, entry), 0, entry.size)))
    } catch (error) {
      findings.push(findingOf(error, file))
    }
  }
  const contents = await readHdf5File(entrySource(archive, weights), file, component)
  const value = { ...config }
  return {
    ...contents,
    kind: 'keras',
    texts: textsIn(archive, /^(config|metadata)\.json$/),
    ...(Object.keys(value).length > 0 && { records: [{ file, component: 'config', value }] }),
    findings: [...findings, ...contents.findings],
  }
}
