import { baseName, joinPath, listFolder, parentOf, pathKind } from '../../bytes/folder'
import { fieldsOf } from '../../decode/plain'
import { AssayError } from '../../errors'
import { finding } from '../../finding'
import type { Rule } from '../rule'

/**
 * The best checkpoint that trainer_state.json remembers is not in the run any more. A checkpoint that was copied out of its
 * run remembers it too: only among others of the run is the absence of the best one told, and only as a note.
 */
export const stalePointer: Rule = {
  ids: ['trainer/stale-pointer'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { file, value } of checkpoint.state.records) {
      const best = fieldsOf(value)?.best_model_checkpoint
      if (typeof best !== 'string') continue
      const name = best
        .split(/[\\/]/)
        .filter((part) => part !== '')
        .at(-1)
      if (name === undefined || !/^[\w.-]+$/.test(name) || name === baseName(checkpoint.path)) continue
      const run = parentOf(checkpoint.path)
      if (!hasOthers(run, baseName(checkpoint.path)) || pathKind(joinPath(run, name)) !== undefined) continue
      const message = `${file} names ${name} as the best checkpoint; it is not in the run any more`
      yield finding('trainer/stale-pointer', name, message, { severity: 'info', evidence: { file, target: best } })
    }
  },
}

/** Whether other checkpoints of the Trainer lie beside the one called `own`. */
function hasOthers(run: string, own: string): boolean {
  try {
    return listFolder(run, 1).some(
      ({ path, kind }) => kind === 'folder' && path !== own && /^checkpoint-\d+$/.test(path),
    )
  } catch (error) {
    if (error instanceof AssayError) return false
    throw error
  }
}
