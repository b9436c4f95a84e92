import { joinPath, listFolder, parentOf } from '../bytes/folder'
import type { Run } from '../checkpoint/checkpoint'
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

/** Saves of the run that were begun and not ended: folders under a temporary name, checkpoints cut short. */
export function halfWritten(run: Run, rows: readonly RunRow[]): HalfWritten[] {
  const places = new Set([run.path, ...run.checkpoints.map(({ path }) => parentOf(path))])
  const found = [...places].flatMap((place) =>
    listFolder(place, 1)
      .filter(({ path: name, kind }) => kind === 'folder' && STAGING.test(name))
      .map(({ path: name }) => ({
        path: joinPath(place, name),
        name,
        why: 'This is the name of a save under way: the Trainer renames it when done, and resumes from none of that name',
      })),
  )
  const cut = rows.flatMap(({ path, name, verification }) => {
    const why = verification.findings.find(({ rule }) => rule === 'trainer/incomplete-save')?.message
    return why === undefined ? [] : [{ path, name, why }]
  })
  return [...found, ...cut]
}
