import type { Copies } from '../bytes/copies'
import { openFile } from '../bytes/file'
import { makeFolder } from '../bytes/file-sink'
import { joinPath, parentOf } from '../bytes/folder'
import { sha256 } from '../bytes/sha256'
import type { ByteSink } from '../bytes/sink'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { byteLength, type Tensor } from '../checkpoint/tensor'
import { sourceBlocks } from '../write/output'
import { type ChangedFile, outputFor } from './changes'
import { checkWritten, mismatch, type Witnessed, witnessed } from './check'
import { type Copy, copyFile, isSameFile } from './copied'
import type { Work } from './files'
import type { Progress } from './progress'
import { stepsText } from './provenance'
import { rewrite } from './rewrite'
import { type Written, writeFile, writeHashed } from './target'

/** Where the files of a piece of work come from and go to. */
export interface Site {
  /** Folder that the checkpoint's files are relative to. */
  readonly root: string
  /** Where a file of the checkpoint is to be written. */
  place(path: string): string
  readonly progress: Progress
  readonly signal?: AbortSignal
}

/** What was written, so that it can be read back and compared. */
export interface Built {
  /** SHA-256 of the files that were made of nothing they could be compared with, by path. */
  readonly made: ReadonlyMap<string, string>
  readonly changed: readonly {
    readonly changed: ChangedFile
    readonly outputs: readonly Witnessed[]
    readonly copies?: Copies
  }[]
  readonly copied: readonly { readonly path: string; readonly bytes: number; readonly copies?: Copies }[]
}

/** Writes changed files, indexes and copies. Throws as `rewrite` and `createFileSink`; what was written then is left behind. */
export async function build({ changed, rebuilt, indexes, copied }: Work, site: Site): Promise<Built> {
  const options = site.signal ? { signal: site.signal } : {}
  const built: { changed: ChangedFile; outputs: Witnessed[]; copies?: Copies }[] = []
  const made = new Map<string, string>()
  const make = async (path: string, write: (sink: ByteSink) => Promise<void>) => {
    made.set(path, await writeHashed(readied(site, path), write))
  }
  for (const each of changed) {
    const outputs = each.tensors.map((tensor) => witnessed(outputFor(tensor)))
    const onProgress = site.progress.piece()
    const write = (sink: ByteSink) => rewrite(sink, each, outputs, site.root, { ...options, onProgress })
    // What is put into a dict has no source to be compared with.
    if (each.entries.length > 0) {
      await make(each.file.path, write)
      built.push({ changed: each, outputs })
    } else built.push({ changed: each, outputs, ...known(await writeFile(readied(site, each.file.path), write)) })
  }
  for (const { file, step } of rebuilt) {
    const onProgress = site.progress.piece()
    await make(file.path, (sink) => file.write(sink, stepsText([step]), { ...options, onProgress }))
  }
  for (const { path, text } of indexes) await make(path, (sink) => sink.write(new TextEncoder().encode(text)))
  const copies: { path: string; bytes: number; copies?: Copies }[] = []
  for (const { path, bytes } of copied) {
    readied(site, path)
    const onBytes = (count: number) => site.progress.add(count, path)
    copies.push({ path, bytes, ...known(await copyFile(copyOf({ path }, site), { ...options, onBytes })) })
  }
  return { made, changed: built, copied: copies }
}

/**
 * Reads back what was built and compares it: the tensors of changed files one by one, copies byte for byte. `opened` is
 * the new checkpoint, `rename` tells what a file of the old one is called in it. Returns how many tensors were compared.
 * Throws `target/mismatch`.
 */
export async function readBack(
  { made, changed, copied }: Built,
  checkpoint: Checkpoint,
  opened: Checkpoint,
  site: Site,
  rename: (path: string) => string,
): Promise<number> {
  let compared = 0
  for (const { changed: each, outputs, copies } of changed) {
    const path = rename(each.file.path)
    const file = opened.files.find((other) => other.path === path)
    if (!file) throw mismatch(path, 'it is not recognised as part of the checkpoint any more')
    const own = file.tensors.filter(({ name }) => !each.entries.some(({ key }) => isWithin(name, key)))
    compared += await checkWritten(asNamedIn(own, outputs), own, path, {
      ...(site.signal && { signal: site.signal }),
      ...(copies && { copies }),
      onTensor: (tensor) => site.progress.add(byteLength(tensor), tensor.name),
    })
  }
  for (const [path, digest] of made) {
    if ((await digestOf(site.place(path), path, site)) !== digest)
      throw mismatch(path, 'it differs from what was written')
    const isChanged = changed.some((each) => each.changed.file.path === path)
    const file = isChanged ? undefined : opened.files.find((other) => other.path === rename(path))
    compared += (file?.tensors ?? []).filter((tensor) => isModel(tensor) && tensor.blocks.length > 0).length
  }
  for (const { path, bytes, copies } of copied) {
    if (!(await isSameFile(copyOf({ path }, site), copies, site.signal))) throw mismatch(path, 'the copy differs')
    site.progress.add(bytes, path)
    const tensors = checkpoint.files.find((file) => file.path === path)?.tensors ?? []
    compared += tensors.filter(({ blocks }) => blocks.length > 0).length
  }
  return compared
}

/**
 * The outputs under the names that a file gives them when it is opened again: of several models of a training dict each bears the
 * name of its entry, and where all others were lost with the rest of the file, the last goes without.
 */
function asNamedIn(found: readonly Tensor[], outputs: readonly Witnessed[]): readonly Witnessed[] {
  const names = new Set(found.map(({ name }) => name))
  const [first, ...others] = outputs.filter(({ name }) => !names.has(name))
  if (!first) return outputs
  const segments = first.name.split('.')
  const entry = segments.map((_, i) => `${segments.slice(0, i).join('.')}.`).find((each) => isBare(first.name, each))
  if (entry === undefined || !others.every(({ name }) => isBare(name, entry))) return outputs
  return outputs.map((each) => (names.has(each.name) ? each : { ...each, name: each.name.slice(entry.length) }))

  function isBare(name: string, prefix: string): boolean {
    return name.startsWith(prefix) && names.has(name.slice(prefix.length))
  }
}

/** Of a file that is made anew these are the tensors that come from elsewhere; states are made of nothing. */
function isModel({ component }: Tensor): boolean {
  return component === 'weights' || component === 'adapter'
}

function isWithin(name: string, key: string): boolean {
  return name === key || name.startsWith(`${key}.`)
}

function known({ copies }: Written): { copies?: Copies } {
  return copies ? { copies } : {}
}

/** A file of the checkpoint and its place in the new one. */
function copyOf({ path }: { readonly path: string }, site: Site): Copy {
  return { path, from: joinPath(site.root, path), to: site.place(path) }
}

async function digestOf(place: string, path: string, { progress, signal }: Site): Promise<string> {
  const source = openFile(place, path)
  const hash = sha256()
  try {
    for await (const block of sourceBlocks(source, signal)) {
      hash.update(block)
      progress.add(block.byteLength, path)
    }
  } finally {
    source.close()
  }
  return hash.hex()
}

/** The place of a file, its folder made. */
function readied(site: Site, path: string): string {
  const place = site.place(path)
  makeFolder(parentOf(place))
  return place
}
