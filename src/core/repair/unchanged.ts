import { fileAt, joinPath } from '../bytes/folder'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { AssayError } from '../errors'
import type { Work } from './files'
import { rootOf } from './shard-index'

/**
 * Throws `file/changed` where a file that is to be written anew is not the one any more that was opened: a training that saves again
 * puts a new file in its place, while the old one can be read to its end. Looked at before anything is written and again before the
 * result takes its place.
 */
export function refuseChanged(checkpoint: Checkpoint, { changed }: Work): void {
  for (const { file } of changed) {
    const now = fileAt(joinPath(rootOf(checkpoint), file.path))
    if (file.modified === undefined || (now?.modified === file.modified && now.size === file.size)) continue
    const what = now ? 'is another file than when it was opened' : 'is not there any more'
    throw new AssayError('file/changed', `${file.path} ${what}`, {
      file: file.path,
      hint: 'Nothing was kept of the repair, and nothing was put in its place. Wait until nobody writes there, and begin again.',
    })
  }
}
