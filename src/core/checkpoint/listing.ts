import { baseName, type FolderEntry, listFolder, parentOf } from '../bytes/folder'

/** What a path offers to the layouts: the names in a folder, before anything is opened. */
export interface Listing {
  /** Absolute path of the folder. */
  readonly root: string
  /** Name of what was opened. */
  readonly name: string
  readonly entries: readonly FolderEntry[]
  /** Name of the file in `root` that was opened alone. */
  readonly only?: string
}

/** Lists a folder to the given depth. Throws AssayError as `listFolder`. */
export function listingOfFolder(path: string, depth = 1): Listing {
  return { root: path, name: baseName(path), entries: listFolder(path, depth) }
}

/** A file and its neighbours. */
export function listingOfFile(path: string): Listing {
  const root = parentOf(path)
  return { root, name: baseName(path), entries: listFolder(root, 1), only: baseName(path) }
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
