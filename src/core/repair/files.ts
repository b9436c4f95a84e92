import { baseName, listFolder, pathKind } from '../bytes/folder'
import { isWorkInProgress } from '../bytes/stage'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { RECORD } from '../checkpoint/rebuilt'
import { byteLength } from '../checkpoint/tensor'
import { layoutSafetensors } from '../write/safetensors'
import { type ChangedFile, changedFiles } from './changes'
import { stampedMetadata } from './provenance'
import { indexesOf, renewedIndex, rootOf } from './shard-index'
import type { NewFile, PlannedFile, RepairStep } from './steps'

/** Deeper than any checkpoint: everything in the folder is copied. */
const DEPTH = 64

/** What a repair writes: files anew, indexes anew, and copies of all others. */
export interface Work {
  readonly changed: readonly ChangedFile[]
  /** State files made anew, each with the step that makes it. */
  readonly rebuilt: readonly { readonly file: NewFile; readonly step: RepairStep }[]
  readonly indexes: readonly { readonly path: string; readonly text: string }[]
  /** Relative to the checkpoint's folder. */
  readonly copied: readonly { readonly path: string; readonly bytes: number }[]
  /** Files that the result does not have. */
  readonly removed: readonly string[]
}

/**
 * What these steps come to. A checkpoint that is a folder is written whole; one that is a file with whatever else belongs to
 * it (its config, its shards), or `alone`.
 */
export async function workOf(checkpoint: Checkpoint, steps: readonly RepairStep[], alone = false): Promise<Work> {
  const rebuilt = steps.flatMap((step) => (step.files ?? []).map((file) => ({ file, step })))
  const anew = new Set(rebuilt.map(({ file }) => file.path))
  const changed = changedFiles(checkpoint, steps).filter(({ file }) => !anew.has(file.path))
  const indexes = (await indexesOf(checkpoint))
    .filter(({ path }) => steps.some((step) => step.index === path))
    .map((index) => ({ path: index.path, text: renewedIndex(index, checkpoint, changed) }))
  const written = new Set([...writtenPaths({ changed, rebuilt, indexes }), RECORD])
  const removed = [...new Set(steps.flatMap((step) => step.removed ?? []))].filter((path) => !written.has(path))
  const left = new Set([...written, ...removed])
  const copied = alone ? [] : filesOf(checkpoint).filter(({ path }) => !left.has(path))
  return { changed, rebuilt, indexes, copied, removed }
}

/** Files that are written, but for the record of it. */
export function writtenPaths({ changed, rebuilt, indexes }: Pick<Work, 'changed' | 'rebuilt' | 'indexes'>): string[] {
  return [
    ...changed.map(({ file }) => file.path),
    ...rebuilt.map(({ file }) => file.path),
    ...indexes.map(({ path }) => path),
  ]
}

/** The same for a person to read; the sizes of torch files are estimates. */
export function plannedFiles({ changed, rebuilt, indexes, copied, removed }: Work): PlannedFile[] {
  return [
    ...changed.map((each) => ({ path: each.file.path, bytes: sizeOf(each), action: 'write' as const })),
    ...rebuilt.map(({ file: { path, bytes } }) => ({ path, bytes, action: 'write' as const })),
    ...indexes.map(({ path, text }) => ({ path, bytes: text.length, action: 'write' as const })),
    ...copied.map((each) => ({ ...each, action: 'copy' as const })),
    ...removed.map((path) => ({ path, bytes: 0, action: 'remove' as const })),
  ]
}

function sizeOf(changed: ChangedFile): number {
  const { file, tensors } = changed
  if (file.kind === 'safetensors') return layoutSafetensors(tensors, stampedMetadata(changed)).size
  const added = tensors.filter(({ values, was }) => values !== was)
  const made = changed.entries.flatMap(({ stored }) => stored.map(({ values }) => values))
  return [...added, ...made].reduce((sum, tensor) => sum + byteLength(tensor) + 512, file.size)
}

function filesOf(checkpoint: Checkpoint): { path: string; bytes: number }[] {
  if (pathKind(checkpoint.path) === 'folder') {
    return listFolder(checkpoint.path, DEPTH)
      .filter(({ kind, path }) => kind === 'file' && !path.split('/').some(isWorkInProgress))
      .map(({ path, size }) => ({ path, bytes: size }))
  }
  const beside = listFolder(rootOf(checkpoint), 1).filter(({ kind }) => kind === 'file')
  const sizes = new Map(beside.map(({ path, size }) => [path, size]))
  const paths = [
    baseName(checkpoint.path),
    ...checkpoint.files.map(({ path }) => path),
    ...checkpoint.components.flatMap(({ files }) => files),
  ]
  return [...new Set(paths)].flatMap((path) => {
    const bytes = sizes.get(path)
    return bytes === undefined ? [] : [{ path, bytes }]
  })
}
