import { makeFolder } from '../bytes/file-sink'
import { baseName, fileAt, joinPath, listFolder, parentOf, pathKind } from '../bytes/folder'
import { lock } from '../bytes/lock'
import { removeAbandoned, stage } from '../bytes/stage'
import { backupOf, swapBack } from '../bytes/swap'
import { RECORD, recordIn } from '../checkpoint/rebuilt'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { AssayError } from '../errors'
import type { SizeAndTime } from './provenance'

export interface UndoResult {
  readonly path: string
  /** Files whose originals are back, relative to the checkpoint. */
  readonly restored: readonly string[]
  /** Files that the repair had added and that are gone again. */
  readonly removed: readonly string[]
}

/**
 * Takes back a repair in place: every original is put back from its `.backup`, files that the repair added go. Also after one
 * that was killed half-way. Everything is checked first, by the sizes and times in the record of the repair: nothing is touched
 * when a file has changed since, or a backup is not the original any more. When a step fails, all is as before. What a repair that
 * was killed had begun to write is removed in any case.
 *
 * Throws `usage` when there is no repair in place to undo, `file/changed`, `target/busy`, `target/unwritable`.
 */
export async function undoRepair(path: string): Promise<UndoResult> {
  const { root, record } = placesOf(path)
  const release = await lock(path)
  try {
    await removeAbandoned(roomOf(root))
    const written = writtenIn(fieldsOf(await recordIn(joinPath(root, record))))
    if (!written) throw nothingToUndo(path, root)
    const todo: Todo[] = []
    for (const each of written) {
      const original = originalOf(joinPath(root, each.path), each)
      if (original) todo.push({ path: each.path, original })
    }
    // The record goes last: as long as it is there, an undo that was cut off can be taken up again.
    const earlier = fileAt(backupOf(joinPath(root, record)))
    todo.push({ path: record, original: earlier ? 'backup' : 'none' })
    const room = await stage(joinPath(root, 'assay-undo'))
    try {
      makeFolder(room.path)
      await swapBack(
        todo.map((each) => ({ file: joinPath(root, each.path), original: each.original })),
        room.path,
      )
    } finally {
      await room.discard()
    }
    const those = (kinds: readonly Todo['original'][]) =>
      todo.filter(({ path: each, original }) => each !== record && kinds.includes(original)).map((each) => each.path)
    return { path, restored: those(['backup', 'link']), removed: those(['none']) }
  } finally {
    await release()
  }
}

/** Whether there is a repair in place to undo: its record, and the backups that the record speaks of. Reads no weights. */
export async function canUndo(path: string): Promise<boolean> {
  const { root, record } = placesOf(path)
  try {
    const written = writtenIn(fieldsOf(await recordIn(joinPath(root, record))))
    return written?.some((each) => !each.original || fileAt(backupOf(joinPath(root, each.path))) !== undefined) ?? false
  } catch (error) {
    // A record that cannot be read or believed is no offer; undoing says what is wrong with it.
    if (error instanceof AssayError) return false
    throw error
  }
}

/** What a repair in place of a checkpoint in the folder `root` is built for, before it is put where it belongs. */
export function roomOf(root: string): string {
  return joinPath(root, 'assay-repair')
}

function placesOf(path: string): { readonly root: string; readonly record: string } {
  const folder = pathKind(path) === 'folder'
  return { root: folder ? path : parentOf(path), record: folder ? RECORD : `${baseName(path)}.${RECORD}` }
}

interface Todo {
  readonly path: string
  readonly original: 'backup' | 'link' | 'none'
}

/** A file that the repair wrote, or took away where there is no `written`, and what was there before. */
interface Written {
  readonly path: string
  readonly written?: SizeAndTime
  readonly original?: SizeAndTime
}

function writtenIn(record: { readonly [key: string]: Plain } | undefined): Written[] | undefined {
  if (record?.inPlace !== true || !Array.isArray(record.files)) return undefined
  return record.files.flatMap((each) => {
    const { path, action, ...fields } = fieldsOf(each) ?? {}
    const [written, original] = [sizeAndTime(fields.written), sizeAndTime(fields.original)]
    // The record could be anybody's: it names files of this folder, or nothing is undone.
    if (typeof path !== 'string' || (!written && action !== 'remove')) return []
    if (/(^|[\\/])\.\.([\\/]|$)|^[\\/]|^\w:/.test(path))
      throw new AssayError('file/path-escape', `The record of the repair names ${path}, outside of the checkpoint`)
    return [{ path, ...(written && { written }), ...(original && { original }) }]
  })
}

function sizeAndTime(value: Plain | undefined): SizeAndTime | undefined {
  const fields = fieldsOf(value)
  const [bytes, modified] = [numberOf(fields?.bytes), numberOf(fields?.modified)]
  return bytes === undefined || modified === undefined ? undefined : { bytes, modified }
}

/** How the original comes back; undefined where it is there already. Throws `file/changed` where neither can be said. */
function originalOf(file: string, { written, original }: Written): Todo['original'] | undefined {
  const now = fileAt(file)
  const backup = fileAt(backupOf(file))
  const is = (found: typeof now, known: SizeAndTime | undefined) =>
    found !== undefined && found.size === known?.bytes && found.modified === known.modified
  if (backup && !is(backup, original)) throw changed(backupOf(file), 'it is not the original that the repair put there')
  if (is(now, original)) return backup ? 'link' : undefined
  if (!original && !now) return undefined
  if (original && !backup) throw changed(backupOf(file), 'it is not there any more')
  if (now && !is(now, written)) throw changed(file, 'it is not what the repair wrote')
  return original ? 'backup' : 'none'
}

function nothingToUndo(path: string, root: string): AssayError {
  const own = pathKind(path) === 'folder' ? undefined : backupOf(baseName(path))
  const backups = listFolder(root, 1).filter(({ path: name }) => (own ? name === own : name.endsWith('.backup')))
  const [first] = backups
  return new AssayError('usage', `${path} was not repaired in place, or that has been undone`, {
    file: path,
    hint: first
      ? `There is no record of a repair that could be read, but ${first.path} is there: if it is the original of a repair, put it back by hand.`
      : 'A repair into a new place has changed nothing that would have to be undone.',
  })
}

function changed(file: string, why: string): AssayError {
  return new AssayError('file/changed', `${file} has changed since the repair: ${why}`, {
    file,
    hint: 'Nothing was undone. Look at the files that end in .backup, and put those that are originals back by hand.',
  })
}
