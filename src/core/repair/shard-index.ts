import { openFile } from '../bytes/file'
import { joinPath, parentOf, pathKind } from '../bytes/folder'
import { readBytes } from '../bytes/source'
import type { Checkpoint, StateFile } from '../checkpoint/checkpoint'
import { parseJson } from '../decode/json'
import { fieldsOf, type Plain } from '../decode/plain'
import { AssayError } from '../errors'
import { type IndexEntry, shardIndex } from '../write/shards'
import type { ChangedFile } from './changes'

/** Larger than the index of any model; the maps of the largest have some MB. */
const INDEX_LIMIT = 64 << 20

/** An index of shards as it stands: `weight_map` and `metadata` of `model.safetensors.index.json`. */
export interface ShardIndex {
  /** Relative to the checkpoint. */
  readonly path: string
  /** The part of `path` that the files in `map` are relative to: empty, or with a slash at its end. */
  readonly folder: string
  readonly map: ReadonlyMap<string, string>
  readonly metadata: Readonly<Record<string, Plain>>
}

/** The folder that the checkpoint's files are relative to. */
export function rootOf(checkpoint: Pick<Checkpoint, 'path'>): string {
  return pathKind(checkpoint.path) === 'folder' ? checkpoint.path : parentOf(checkpoint.path)
}

/**
 * The indexes that the checkpoint's weights go by, and those its findings miss. One that is absent or unreadable has an
 * empty map; the checkpoint's findings say so.
 */
export async function indexesOf(checkpoint: Checkpoint): Promise<ShardIndex[]> {
  const there = checkpoint.components.flatMap(({ files }) => files).filter((path) => INDEX.test(path))
  const missed = checkpoint.findings.flatMap(({ rule, subject }) =>
    rule === 'weights/stale-index' && INDEX.test(subject) ? [subject] : [],
  )
  return Promise.all([...new Set([...there, ...missed])].map((path) => readIndex(checkpoint, path)))
}

const INDEX = /\.index(\.[\w-]+)?\.json$/

async function readIndex(checkpoint: Checkpoint, path: string): Promise<ShardIndex> {
  const place = joinPath(rootOf(checkpoint), path)
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const empty = { path, folder, map: new Map(), metadata: {} }
  if (pathKind(place) !== 'file') return empty
  const source = openFile(place, path)
  try {
    if (source.size > INDEX_LIMIT) return empty
    const json = fieldsOf(jsonIn(new TextDecoder().decode(await readBytes(source, 0, source.size)), path))
    const map = Object.entries(fieldsOf(json?.weight_map) ?? {}).filter((entry): entry is [string, string] => {
      return typeof entry[1] === 'string'
    })
    return { path, folder, map: new Map(map), metadata: fieldsOf(json?.metadata) ?? {} }
  } finally {
    source.close()
  }
}

/** The parsed text, or undefined where it is no JSON. */
function jsonIn(text: string, path: string): Plain | undefined {
  try {
    return parseJson(text, path)
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

/** Files that hold what the index has under another name, as it would call them. */
export function renamedUnder({ path, folder }: Pick<ShardIndex, 'path' | 'folder'>, checkpoint: Checkpoint): string[] {
  return checkpoint.findings.flatMap(({ rule, subject, evidence }) => {
    const renamed = rule === 'weights/stale-index' && subject === path ? evidence?.renamed : undefined
    return renamed === undefined ? [] : [String(renamed).slice(folder.length)]
  })
}

/** The shards of an index that are here, also under another name. Where there is no index, files that are numbered like its shards. */
export function shardsUnder({ path, folder, map }: ShardIndex, checkpoint: Checkpoint): StateFile[] {
  const named = new Set([...map.values(), ...renamedUnder({ path, folder }, checkpoint)])
  const stem = path.slice(folder.length).replace(/\.(safetensors|bin)\.index.*$/, '')
  const isShard = (name: string) => (map.size === 0 ? name.startsWith(`${stem}-`) : named.has(name))
  return checkpoint.files.filter((file) => file.path.startsWith(folder) && isShard(file.path.slice(folder.length)))
}

/** What the index should map once the changes are made; files as it calls them. */
export function entriesUnder(index: ShardIndex, checkpoint: Checkpoint, changed: readonly ChangedFile[]): IndexEntry[] {
  return shardsUnder(index, checkpoint).flatMap((file) => {
    const tensors = changed.find((each) => each.file === file)?.tensors ?? file.tensors
    return tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, file: file.path.slice(index.folder.length) }))
  })
}

/** The text of the index as it should be; facts of its metadata that are no sums are kept. */
export function renewedIndex(index: ShardIndex, checkpoint: Checkpoint, changed: readonly ChangedFile[]): string {
  return shardIndex(entriesUnder(index, checkpoint, changed), index.metadata)
}
