import { openFile } from '../bytes/file'
import { baseName, joinPath, listFolder, parentOf, pathKind } from '../bytes/folder'
import { readBytes } from '../bytes/source'
import type { Run } from '../checkpoint/checkpoint'
import { AssayError } from '../errors'
import type { RunRow } from './row'

/** What a save that did not end has left. */
export interface HalfWritten {
  readonly path: string
  readonly name: string
  /** One sentence. */
  readonly why: string
}

/** The Trainer's staging folders: transformers 4.36 and 4.37, and again later. */
const STAGING = /^tmp-checkpoint-/
/** Texts that name the last checkpoint: DeepSpeed, Megatron-LM. */
const POINTERS = [
  { name: 'latest', folder: (text: string) => text },
  {
    name: 'latest_checkpointed_iteration.txt',
    folder: (text: string) => (/^\d+$/.test(text) ? `iter_${text.padStart(7, '0')}` : text),
  },
]
/** A pointer holds one name. */
const LONGEST_NAME = 4096

/** Saves of the run that were begun and not ended: folders under a temporary name, checkpoints cut short, a pointer to nothing. */
export async function halfWritten(run: Run, rows: readonly RunRow[]): Promise<HalfWritten[]> {
  const places = new Set([run.path, ...run.checkpoints.map(({ path }) => parentOf(path))])
  const found: HalfWritten[] = []
  for (const place of places) {
    for (const { path: name, kind } of listFolder(place, 1)) {
      const path = joinPath(place, name)
      if (kind === 'folder' && STAGING.test(name)) {
        found.push({ path, name, why: 'This is the name of a save under way: the Trainer renames it when done' })
      }
      const why = kind === 'file' ? await danglingWhy(place, name) : undefined
      if (why !== undefined) found.push({ path, name, why })
    }
  }
  for (const { path, name, verification } of rows) {
    const cut = verification.findings.find(({ rule }) => rule === 'trainer/incomplete-save')
    if (cut) found.push({ path, name, why: cut.message })
  }
  return found
}

async function danglingWhy(place: string, name: string): Promise<string | undefined> {
  const pointer = POINTERS.find((each) => each.name === name)
  const text = pointer && (await shortText(joinPath(place, name)))
  if (!pointer || text === undefined) return undefined
  const folder = pointer.folder(text)
  // Only a name in this folder is looked for.
  if (folder === baseName(folder) && pathKind(joinPath(place, folder)) !== undefined) return undefined
  if (text === 'release') return undefined
  return `${name} names ${JSON.stringify(text)}, and there is no ${folder} here`
}

async function shortText(path: string): Promise<string | undefined> {
  try {
    const source = openFile(path)
    try {
      if (source.size > LONGEST_NAME) return undefined
      return new TextDecoder().decode(await readBytes(source, 0, source.size)).trim()
    } finally {
      source.close()
    }
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}
