import { type Dirent, lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { AssayError } from '../errors'
import { natural } from './natural'
import { errnoOf, unreadable } from './system-error'

export interface FolderEntry {
  /** Relative to the folder that was listed, with forward slashes. */
  readonly path: string
  /** Bytes of a file, 0 for all else. */
  readonly size: number
  /** `other`: a dead link, a device, a pipe, a folder that may not be listed. It has a name and cannot be read. */
  readonly kind: 'file' | 'folder' | 'other'
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number
}

/** What the system answers to a path at which nothing can be: the names that files give may be of any kind. */
const NOWHERE = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ERR_INVALID_ARG_VALUE'])

/** What a path leads to, links followed; undefined when there is nothing or only a device. Throws `file/unreadable`. */
export function pathKind(path: string): 'file' | 'folder' | undefined {
  try {
    return kindOf(statSync(path))
  } catch (error) {
    if (NOWHERE.has(errnoOf(error) ?? '')) return undefined
    throw unreadable(error, path)
  }
}

/**
 * Files and folders below `path`, down to `depth` levels (1: its own entries only), in natural order (`rank2` before
 * `rank10`), dot files included. Links to files count as files; links to folders are listed and not entered. Throws `file/unreadable` when `path` itself cannot be listed.
 */
export function listFolder(path: string, depth = 3): FolderEntry[] {
  const found: FolderEntry[] = []
  walk(path, '', depth, found)
  return found.sort((a, b) => natural(a.path, b.path) || (a.path < b.path ? -1 : 1))
}

/** In characters. A longer path would leave no room for what is wrong with it. */
const LONGEST_SHOWN = 1000

/** Why a path cannot be read as a file or folder: what the system says, or that it is a device. */
export function obstacleAt(path: string): AssayError {
  const shown = path.length > LONGEST_SHOWN ? baseName(path) : path
  const refused = (why: string) => new AssayError('file/unreadable', `${shown} ${why}`, { file: shown })
  try {
    if (statSync(path).isDirectory()) readdirSync(path)
  } catch (error) {
    const isGone = errnoOf(error) === 'ENOENT'
    if (isGone && isLink(path)) return refused('is a link to something that is not there')
    if (isGone && path.includes('\ufffd')) return refused('has a name that is no UTF-8 and cannot be read')
    return unreadable(error, shown)
  }
  return refused('is a device, a pipe or a socket')
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch {
    return false
  }
}

/** The path without links, as the system sees it. Throws `file/unreadable`. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    throw unreadable(error, path)
  }
}

/** A single file, links followed, by its name; undefined where there is none. */
export function fileAt(path: string): FolderEntry | undefined {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return undefined
    return { path: basename(path), size: stat.size, kind: 'file', modified: stat.mtimeMs }
  } catch {
    return undefined
  }
}

/** Adds what is below `prefix`; false where that may not be listed. */
function walk(root: string, prefix: string, depth: number, found: FolderEntry[]): boolean {
  let entries: Dirent[]
  try {
    entries = readdirSync(join(root, prefix), { withFileTypes: true })
  } catch (error) {
    if (prefix !== '') return false
    throw unreadable(error, root)
  }
  for (const entry of entries) {
    const relative = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    const stat = statOf(join(root, relative))
    let kind: FolderEntry['kind'] = (stat && kindOf(stat)) ?? 'other'
    const enter = kind === 'folder' && entry.isDirectory() && depth > 1
    if (enter && !walk(root, relative, depth - 1, found)) kind = 'other'
    found.push({ path: relative, size: kind === 'file' && stat ? stat.size : 0, kind, modified: stat?.mtimeMs ?? 0 })
  }
  return true
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function kindOf(stat: Stats): 'file' | 'folder' | undefined {
  if (stat.isFile()) return 'file'
  return stat.isDirectory() ? 'folder' : undefined
}

export function joinPath(...parts: string[]): string {
  return join(...parts)
}

/** Last part of a path: the name of the file or folder, also for `.` and a path with a slash at its end. */
export function baseName(path: string): string {
  return basename(resolve(path))
}

export function parentOf(path: string): string {
  return dirname(resolve(path))
}

/**
 * The place of a file that a file of the checkpoint names (`weight_map` of an index). Throws `file/path-escape` when the name
 * is absolute or climbs out of `root`, by either kind of slash. Links are not looked at: a download cache is made of links.
 */
export function resolveInside(root: string, relative: string): string {
  const refuse = (): never => {
    throw new AssayError('file/path-escape', `The name ${JSON.stringify(relative)} points outside ${baseName(root)}`, {
      file: relative,
      hint: 'Do not load this checkpoint with other tools before its index is corrected.',
    })
  }
  if (isAbsolute(relative) || /^([\\/]|[a-z]:)/i.test(relative) || relative.includes('\0')) refuse()
  let depth = 0
  for (const part of relative.split(/[\\/]/)) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) refuse()
  }
  return join(root, relative)
}
