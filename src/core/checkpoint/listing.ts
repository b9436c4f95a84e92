import { baseName, type FolderEntry, joinPath, listFolder, parentOf, pathKind } from '../bytes/folder'

/** What a path offers to the layouts: the names in a folder, before anything is opened. */
export interface Listing {
  /** Absolute path of the folder. */
  readonly root: string
  /** Name of what was opened. */
  readonly name: string
  readonly entries: readonly Pick<FolderEntry, 'path' | 'kind'>[]
  /** Name of the file in `root` that was opened alone. */
  readonly only?: string
  /** Names of the files beside it that belong to the same save. */
  readonly parts?: readonly string[]
}

/** Names the processes of a run are told apart by: `model_rank0.pt`. */
export const RANK = /rank[_-]?(\d+)/i

/** Lists a folder, its own entries only. Throws AssayError as `listFolder`. */
export function listingOfFolder(path: string): Listing {
  const root = absolute(path)
  return { root, name: baseName(root), entries: listFolder(root, 1) }
}

/** A file, and those of its neighbours that belong to it: config.json, files of other ranks. */
export function listingOfFile(path: string): Listing {
  const root = parentOf(path)
  const name = baseName(path)
  const only = { root, name, only: name }
  if (RANK.test(name)) return { ...only, entries: listFolder(root, 1) }
  const names = [name, 'config.json'].filter((each) => pathKind(joinPath(root, each)) === 'file')
  return { ...only, entries: names.map((each) => ({ path: each, kind: 'file' })) }
}

/** The path from the root of the file system, whatever folder the process is in. */
export function absolute(path: string): string {
  return joinPath(parentOf(path), baseName(path))
}

/** Paths of the files directly in the folder whose name fits, in natural order. */
export function filesLike(listing: Listing, pattern: RegExp): string[] {
  return listing.entries
    .filter((e) => e.kind === 'file' && !e.path.includes('/') && pattern.test(e.path))
    .map((e) => e.path)
}

export function hasFile(listing: Listing, path: string): boolean {
  return listing.entries.some((e) => e.kind === 'file' && e.path === path)
}

/** Names of the folders directly in the folder. */
export function foldersLike(listing: Listing, pattern: RegExp): string[] {
  return listing.entries
    .filter((e) => e.kind === 'folder' && !e.path.includes('/') && pattern.test(e.path))
    .map((e) => e.path)
}
