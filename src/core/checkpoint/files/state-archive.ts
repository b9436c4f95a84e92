import type { ByteSource } from '../../bytes/source'
import { entrySource, type ZipArchive, type ZipEntry } from '../../container/zip'
import { AssayError } from '../../errors'
import { findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import type { Section } from '../sections'
import type { Tensor } from '../tensor'
import type { Contents } from './contents'
import { distinct } from './pickle'
import { textsIn, tornFinding } from './torch-records'

const STATE = /\.(pth?|bin|ckpt|th|tar|safetensors|pkl)$/i
/** State files in one archive; more are a data set. */
const MOST_STATES = 64

/** Reads a record of the archive as a file of its own. */
export type ReadRecord = (source: ByteSource, file: string, component: ComponentId) => Promise<Contents>

/** Whether the archive is a zip of state files, such as Stable-Baselines3 writes: `policy.pth`, `policy.optimizer.pth` ... */
export function isStateArchive(archive: ZipArchive): boolean {
  const count = statesIn(archive).length
  return count > 0 && count <= MOST_STATES
}

function statesIn({ entries }: ZipArchive): ZipEntry[] {
  return entries.filter(({ name }) => STATE.test(name) && !/(^|\/)data\.pkl$/.test(name))
}

/**
 * The state files of an archive, each read as if it lay beside it. Tensors and sections go by the record they are in (`policy.optimizer`),
 * weights by their own names where only one record holds any. Records that people can read are told as text. Errors in a
 * record are findings.
 */
export async function readStateArchive(
  archive: ZipArchive,
  file: string,
  component: ComponentId,
  read: ReadRecord,
): Promise<Contents> {
  const parts: { readonly stem: string; readonly contents: Contents }[] = []
  for (const entry of statesIn(archive)) {
    const stem = entry.name.replace(STATE, '').replaceAll('/', '.')
    const role: ComponentId = /optim/i.test(stem) ? 'optimizer' : component
    parts.push({ stem, contents: await readRecord(entrySource(archive, entry), file, role, read) })
  }
  const isWeights = (tensor: Tensor) => tensor.component === 'weights' || tensor.component === 'adapter'
  const bare = parts.filter(({ contents }) => contents.tensors.some(isWeights)).length === 1
  const tensors = parts.flatMap(({ stem, contents }) =>
    contents.tensors.map((tensor) => ({
      ...tensor,
      name: bare && isWeights(tensor) ? tensor.name : `${stem}.${tensor.name}`,
      ...(tensor.storage && { storage: { ...tensor.storage, key: `${stem}/${tensor.storage.key}` } }),
    })),
  )
  const sections = parts.flatMap(({ stem, contents }) =>
    contents.sections.map((section): Section => {
      return { ...section, key: section.key === undefined ? stem : `${stem}.${section.key}` }
    }),
  )
  const torn = archive.torn ? [tornFinding(archive, file, tensors.length, 0)] : []
  return {
    kind: 'state-archive',
    tensors,
    sections,
    globals: distinct(parts.flatMap(({ contents }) => contents.globals)),
    findings: [...archive.findings, ...torn, ...parts.flatMap(({ contents }) => contents.findings)],
    texts: textsIn(archive, /\.(txt|json|ya?ml|py|md)$|^(data|_stable_baselines3_version)$/),
  }
}

async function readRecord(source: ByteSource, file: string, role: ComponentId, read: ReadRecord): Promise<Contents> {
  try {
    return await read(source, file, role)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    return { tensors: [], sections: [], globals: [], findings: [findingOf(error, file)] }
  }
}
