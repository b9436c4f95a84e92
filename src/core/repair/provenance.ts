import { METADATA_KEY } from '../checkpoint/rebuilt'
import { parseJson } from '../decode/json'
import type { Plain } from '../decode/plain'
import { AssayError } from '../errors'
import type { ChangedFile } from './changes'
import type { PlannedFile, RepairStep, Unmended } from './steps'

/** The metadata of a repaired safetensors file: the original's, and the steps that touched the file. */
export function stampedMetadata({ file, steps }: ChangedFile): Record<string, string> {
  const { [METADATA_KEY]: before, ...rest } = file.metadata ?? {}
  return { format: 'pt', ...rest, [METADATA_KEY]: stepsText(steps, before) }
}

/** The metadata of a safetensors file that is made anew with this record. */
export function metadataOf(record: string): Record<string, string> {
  return { format: 'pt', [METADATA_KEY]: record }
}

/** Steps as a JSON list, after those that an earlier repair wrote down, if `before` is such a list. */
export function stepsText(steps: readonly RepairStep[], before?: string): string {
  const done = steps.map(({ kind, subject, action, evidence, gone, entries, borrowed, part }) => {
    const component = entries?.[0]?.component ?? (part === undefined ? undefined : 'optimizer')
    return {
      ...{ kind, subject, action, evidence },
      ...(gone && { gone }),
      ...(component && { component }),
      ...(borrowed !== undefined && { borrowed }),
      ...(part !== undefined && { part }),
    }
  })
  return JSON.stringify([...earlier(before), ...done])
}

function earlier(text: string | undefined): Plain[] {
  if (text === undefined) return []
  try {
    const list = parseJson(text, METADATA_KEY)
    return Array.isArray(list) ? list : []
  } catch (error) {
    if (error instanceof AssayError) return []
    throw error
  }
}

/** What tells a file from another that takes its place: its size in bytes and when it was last written, in milliseconds. */
export interface SizeAndTime {
  readonly bytes: number
  readonly modified: number
}

/** The text of `assay-repair.json`. `previous` is the record of an earlier repair of the source, where there is one. */
export function recordText(facts: {
  readonly source: string
  /** What the checkpoint is called: its path may be another when the record is read. */
  readonly checkpoint: string
  readonly steps: readonly RepairStep[]
  readonly unmended: readonly Unmended[]
  readonly files: readonly PlannedFile[]
  /** SHA-256 of the files that were made anew, by path: one that a training has written since is not of the repair any more. */
  readonly made: ReadonlyMap<string, string>
  /** In place: the files that were written, and those that were there before, by path. They are known by it when that is undone. */
  readonly inPlace?: {
    readonly written: ReadonlyMap<string, SizeAndTime>
    readonly originals: ReadonlyMap<string, SizeAndTime>
  }
  readonly previous?: unknown
}): string {
  const { source, checkpoint, steps, unmended, files, made, inPlace, previous } = facts
  const record = {
    schema: 1,
    source,
    checkpoint,
    repaired: new Date().toISOString(),
    steps: steps.map(
      ({ step, kind, subject, action, evidence, confidence, before, after, lost, gone, borrowed, worldSize }) => ({
        ...{ step, kind, subject, action, evidence, confidence },
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        ...(lost && { lost }),
        ...(gone && { gone }),
        ...(borrowed !== undefined && { borrowed }),
        ...(worldSize !== undefined && { worldSize }),
      }),
    ),
    unmended,
    files: files.map(({ path, action }) => ({
      path,
      action,
      ...(made.has(path) && { sha256: made.get(path) }),
      ...knownAs('written', inPlace?.written.get(path)),
      ...knownAs('original', inPlace?.originals.get(path)),
    })),
    ...(inPlace && { inPlace: true }),
    ...(previous !== undefined && { previous }),
  }
  return `${JSON.stringify(record, null, 2)}\n`
}

function knownAs(key: 'written' | 'original', file: SizeAndTime | undefined) {
  return file && { [key]: file }
}
