import { openFile } from '../bytes/file'
import { joinPath, pathKind } from '../bytes/folder'
import { sha256 } from '../bytes/sha256'
import { type ByteSource, readBytes } from '../bytes/source'
import { parseJson } from '../decode/json'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { AssayError } from '../errors'
import { COMPONENTS, type ComponentId } from './checkpoint'

/** What tells what a repair did: a file beside a repaired checkpoint, a record in each torch zip that it wrote. */
export const RECORD = 'assay-repair.json'
/** The kind of step that makes a state anew, as records name it. */
export const REBUILT = 'rebuild-state'

/** A state file that a repair made anew: what is in it was never saved by a training. */
export interface Rebuilt {
  /** Relative to the checkpoint. */
  readonly file: string
  readonly component: ComponentId
  /** From what it was made, in a sentence. */
  readonly how: string
  /** Only what `how` names is not as it was saved; the rest is. */
  readonly inPart?: true
}

/** Larger than any record. */
const RECORD_LIMIT = 16 << 20
/** Files beside the record that are looked at are JSON: a state in a torch zip bears its mark itself. */
const FILE_LIMIT = 64 << 20
/** Records of earlier repairs inside one another. */
const DEPTH = 64

/** Key in the metadata of a safetensors file under which repairs keep their steps. */
export const METADATA_KEY = 'assay.repair'

/** What of a file was made anew, all of it or one component, and how. */
export interface Renewed {
  readonly component?: ComponentId
  readonly how: string
  /** Only what `how` names is not as it was saved; the rest is. */
  readonly inPart?: true
}

/** What the steps that a repaired file keeps say of it. */
export interface Marks {
  /** What of the file was made anew, if anything was. */
  readonly rebuilt?: readonly Renewed[]
  /** Names of tensors that the repair could not save. */
  readonly lost?: readonly string[]
  /** Names of tensors that the repair gave their shape back. */
  readonly reshaped?: readonly string[]
}

/** The marks in the record of a torch zip. */
export async function marksIn(record: ByteSource): Promise<Marks> {
  return marksOf(await readRecord(record))
}

/** The marks in the metadata of a safetensors file. */
export function marksInMetadata(metadata: Readonly<Record<string, string>> | undefined): Marks {
  const text = metadata?.[METADATA_KEY]
  if (text === undefined) return {}
  try {
    return marksOf(parseJson(text, METADATA_KEY))
  } catch (error) {
    if (error instanceof AssayError) return {}
    throw error
  }
}

function marksOf(steps: Plain | undefined): Marks {
  const all = listOf(steps)
  const rebuilt = all
    .filter(({ kind, part }) => kind === REBUILT && part === undefined)
    .map(({ component, evidence }): Renewed => {
      const known = typeof component === 'string' && Object.hasOwn(COMPONENTS, component)
      return { how: textOf(evidence), ...(known && { component: component as ComponentId }) }
    })
  const lost = all.flatMap(({ gone }) => (Array.isArray(gone) ? gone.filter((name) => typeof name === 'string') : []))
  rebuilt.push(...momentsIn(all), ...borrowedIn(all))
  const reshaped = all.filter(({ kind }) => kind === 'reshape').map(({ subject }) => textOf(subject))
  return {
    ...(rebuilt.length > 0 && { rebuilt }),
    ...(lost.length > 0 && { lost }),
    ...(reshaped.length > 0 && { reshaped }),
  }
}

/** Weights that have the values of another checkpoint, a mark for each that they were taken from. */
function borrowedIn(steps: ReturnType<typeof listOf>): Renewed[] {
  const names = new Map<string, Set<string>>()
  for (const { subject, borrowed } of steps) {
    if (typeof subject !== 'string' || typeof borrowed !== 'string') continue
    names.set(borrowed, (names.get(borrowed) ?? new Set()).add(subject))
  }
  return [...names].map(([from, subjects]) => ({
    component: 'weights',
    how: `${firstOf(subjects)} from ${from}`,
    inPart: true,
  }))
}

/** Parameters whose state in an optimizer begins anew while that of the others goes on. */
function momentsIn(steps: ReturnType<typeof listOf>): Renewed[] {
  const parts = new Set(steps.flatMap(({ part }) => (typeof part === 'string' ? [part] : [])))
  return parts.size === 0 ? [] : [{ component: 'optimizer', how: `the moments of ${firstOf(parts)}`, inPart: true }]
}

function firstOf(names: ReadonlySet<string>): string {
  const [first] = names
  return `${first}${names.size > 1 ? ` and ${names.size - 1} more` : ''}`
}

/**
 * What `assay-repair.json` in `root` says was made anew and still is as the repair wrote it, by SHA-256: a file that a
 * training has written since is no longer marked. Looks only at files that cannot bear a mark themselves.
 */
export async function marksBeside(root: string): Promise<Rebuilt[]> {
  const record = await recordAt(root)
  const marks: Rebuilt[] = []
  for (let at = record, depth = 0; at && depth < DEPTH; at = fieldsOf(at.previous), depth++) {
    const written = listOf(at.files)
    for (const step of listOf(at.steps)) {
      if (step.kind !== REBUILT || typeof step.subject !== 'string' || !/^[^/\\]+\.json$/.test(step.subject)) continue
      const digest = written.find(({ path }) => path === step.subject)?.sha256
      if (digest === undefined || digest !== (await digestAt(joinPath(root, step.subject)))) continue
      marks.push({ file: step.subject, component: 'trainer', how: textOf(step.evidence) })
    }
  }
  return marks
}

/** For how many processes the last repair has made the random states beside it; undefined where none has. */
export async function processesBeside(root: string): Promise<number | undefined> {
  const record = await recordAt(root)
  return numberOf(listOf(record?.steps).findLast(({ worldSize }) => worldSize !== undefined)?.worldSize)
}

/** The record beside a checkpoint, as it stands; undefined where there is none that can be read. */
async function recordAt(root: string): Promise<{ readonly [key: string]: Plain } | undefined> {
  return fieldsOf(await recordIn(joinPath(root, RECORD)))
}

/** What the record of a repair at `place` says; undefined where there is none that can be read. */
export async function recordIn(place: string): Promise<Plain | undefined> {
  if (pathKind(place) !== 'file') return undefined
  const source = openFile(place, RECORD)
  try {
    return await readRecord(source)
  } finally {
    source.close()
  }
}

async function readRecord(source: ByteSource): Promise<Plain | undefined> {
  if (source.size > RECORD_LIMIT) return undefined
  try {
    return parseJson(new TextDecoder().decode(await readBytes(source, 0, source.size)), source.name)
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

async function digestAt(place: string): Promise<string | undefined> {
  if (pathKind(place) !== 'file') return undefined
  const source = openFile(place)
  try {
    if (source.size > FILE_LIMIT) return undefined
    const hash = sha256()
    hash.update(await readBytes(source, 0, source.size))
    return hash.hex()
  } finally {
    source.close()
  }
}

function listOf(value: Plain | undefined): { readonly [key: string]: Plain }[] {
  return Array.isArray(value) ? value.map(fieldsOf).filter((each) => each !== undefined) : []
}

function textOf(value: Plain | undefined): string {
  return typeof value === 'string' ? value : ''
}
