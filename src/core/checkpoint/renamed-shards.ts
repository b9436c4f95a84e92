import { joinPath } from '../bytes/folder'
import type { ComponentId, StateFile } from './checkpoint'
import type { Draft } from './draft'
import { filesLike } from './listing'
import { openStateFile } from './state-file'

/** Files that are looked into for the tensors of shards that are not here. */
const MOST_FILES = 256

/**
 * Opens the files that are what shards in `missing` were, under other names: those of the index's kind beside it, which it
 * does not name, and which hold the very tensors that it maps to one of them. A file with some of them, or with more, may be
 * of another save and is left alone. Gives the files by the names that the index has for them.
 */
export async function openRenamed(
  draft: Draft,
  index: string,
  missing: ReadonlyMap<string, readonly string[]>,
  named: ReadonlySet<string>,
  component: ComponentId,
): Promise<Map<string, StateFile>> {
  const found = new Map<string, StateFile>()
  const wanted = new Map([...missing].map(([shard, names]) => [keyOf(names), shard]))
  for (const path of candidates(draft, index, named)) {
    const file = await openStateFile(joinPath(draft.listing.root, path), path, component)
    const shard = wanted.get(keyOf(file.tensors.map(({ name }) => name)))
    if (shard === undefined || found.has(shard) || file.findings.some(({ severity }) => severity === 'error')) {
      file.close()
      continue
    }
    await draft.add(file)
    found.set(shard, file)
  }
  return found
}

function candidates(draft: Draft, index: string, named: ReadonlySet<string>): string[] {
  const folder = index.slice(0, index.lastIndexOf('/') + 1)
  const ending = index.includes('.safetensors.') ? '.safetensors' : '.bin'
  return filesLike(draft.listing, /\.(safetensors|bin)$/)
    .filter((path) => path.startsWith(folder) && !path.slice(folder.length).includes('/'))
    .filter((path) => path.endsWith(ending) && !named.has(path))
    .slice(0, MOST_FILES)
}

/** The same for the same names in any order. */
function keyOf(names: readonly string[]): string {
  return JSON.stringify([...names].sort())
}
