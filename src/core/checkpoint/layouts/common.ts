import { openFile } from '../../bytes/file'
import { joinPath } from '../../bytes/folder'
import { type ByteSource, readBytes } from '../../bytes/source'
import { parseJson } from '../../decode/json'
import { mappingOf } from '../../decode/pickle/value'
import { fieldsOf, type Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import { findingOf } from '../../finding'
import type { ComponentId, ComponentStatus, StateFile } from '../checkpoint'
import type { Draft } from '../draft'
import { filesLike, hasFile } from '../listing'
import { recognise } from '../recognise'
import { TOKENIZER } from '../tokenizer'

/** How a component stands when nothing of it is there, and the sentence that says so. */
export interface Absent {
  readonly status: ComponentStatus
  readonly note: string
}

export function missing(note: string): Absent {
  return { status: 'missing', note }
}

export function notApplicable(note: string): Absent {
  return { status: 'not-applicable', note }
}

/** Opens files as one component and marks it: where there are none, by the files that were opened already and hold it. */
export async function openStates(
  draft: Draft,
  id: ComponentId,
  paths: readonly string[],
  absent: Absent,
): Promise<void> {
  const files = []
  for (const path of paths) files.push(await draft.open(path, id))
  draft.markFiles(id, files.length > 0 ? files : draft.holders(id), absent)
  const empty = files.find(isEmpty)
  if (empty && id !== 'scaler' && draft.component(id).status === 'present') {
    draft.mark(id, 'damaged', paths, `${empty.path} holds nothing`)
  }
}

/** An empty dict, which only a disabled grad scaler saves. */
function isEmpty({ value, tensors }: StateFile): boolean {
  return tensors.length === 0 && (value === undefined || value === null || mappingOf(value)?.size === 0)
}

/** A JSON file without a single field. */
export function isNothing(config: Plain): boolean {
  const fields = fieldsOf(config)
  return fields === undefined || Object.keys(fields).length === 0
}

/** Reads config.json and marks `config`. */
export async function openConfig(draft: Draft, absent: Absent): Promise<void> {
  const path = 'config.json'
  if (!hasFile(draft.listing, path)) return draft.mark('config', absent.status, [], absent.note)
  const config = await draft.openJson(path)
  if (config === undefined) return draft.mark('config', 'damaged', [path], `${path} cannot be read`)
  if (isNothing(config)) return draft.mark('config', 'damaged', [path], `${path} holds nothing`)
  draft.config = config
  draft.mark('config', 'present', [path])
  await checkGeneration(draft)
}

/** Settings for generating text lie beside the config of a model. A training resumes without them. */
async function checkGeneration(draft: Draft): Promise<void> {
  const path = 'generation_config.json'
  if (!hasFile(draft.listing, path)) return
  const before = draft.findings.length
  await isUnusable(draft, path)
  for (const found of draft.findings.splice(before)) {
    const message = `${found.message}. Resuming does not read it: only the settings for generating text are lost`
    draft.findings.push({ ...found, severity: 'warning', message })
  }
}

/** Looks at the tokenizer's (or processor's) files and marks `tokenizer`. */
export async function openTokenizer(draft: Draft, absent: Absent): Promise<void> {
  const paths = filesLike(draft.listing, TOKENIZER)
  if (paths.length === 0) return draft.mark('tokenizer', absent.status, [], absent.note)
  const broken: string[] = []
  for (const path of paths) {
    if (await isUnusable(draft, path)) broken.push(path)
  }
  draft.mark('tokenizer', broken.length > 0 ? 'damaged' : 'present', paths, broken[0] && `${broken[0]} cannot be read`)
}

/** Empty, zeroed, a pointer, a page, JSON that is none: found by the first and the last bytes, and added to the findings. */
async function isUnusable(draft: Draft, path: string): Promise<boolean> {
  try {
    const source = openFile(joinPath(draft.listing.root, path), path)
    try {
      const found = (await recognise(source)).finding
      const page = found?.rule === 'file/not-a-checkpoint' && /web page/.test(found.message)
      if (found && (page || !['file/not-a-checkpoint', 'file/unknown-format'].includes(found.rule))) {
        draft.findings.push(found)
        return true
      }
      if (path.endsWith('.json')) await checkJson(source, path)
      return false
    } finally {
      source.close()
    }
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    draft.findings.push(findingOf(error, path))
    return true
  }
}

/** Up to here JSON is read whole; of more only how it begins and ends: a vocabulary of 30 MB takes a second. */
const WHOLE_JSON = 16 << 10
const ENDS = 64

/** Throws AssayError `file/bad-header` for a JSON file that was cut off or is none. */
async function checkJson(source: ByteSource, path: string): Promise<void> {
  if (source.size <= WHOLE_JSON) {
    parseJson(new TextDecoder().decode(await readBytes(source, 0, source.size)), path)
    return
  }
  const decode = async (from: number) => new TextDecoder().decode(await readBytes(source, from, ENDS))
  if (!/^\s*[{[]/.test(await decode(0))) {
    throw new AssayError('file/bad-header', `${path} is not valid JSON: it begins with no object`, { file: path })
  }
  if (!/[}\]]\s*$/.test(await decode(source.size - ENDS))) {
    throw new AssayError('file/bad-header', `${path} was cut off: JSON ends with a bracket`, { file: path })
  }
}

/** Opens the random states of each process, a file each, and marks `rng`. `pattern` captures the rank; none is rank 0. */
export async function openRanks(
  draft: Draft,
  paths: readonly string[],
  pattern: RegExp,
  absent: Absent,
): Promise<void> {
  const ranks: number[] = []
  const files = []
  for (const path of paths) {
    const rank = Number(pattern.exec(path)?.[1] ?? 0)
    ranks.push(rank)
    files.push(await draft.open(path, 'rng', rank))
  }
  draft.markFiles('rng', files, absent)
  if (ranks.length > 0) draft.worldSize = largest(ranks) + 1
}

/** The largest of numbers that may be more than a call takes arguments; 0 of none. */
export function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0)
}

/** Marks `rng` missing when ranks are gone of the `processes` that trained, as `why` shows. `name` makes a rank's file name. */
export function checkRanks(draft: Draft, processes: number, why: string, name: (rank: number) => string): void {
  const have = new Set(draft.rng.map(({ rank }) => rank))
  const gone = Array.from({ length: Math.min(processes, 10_000) }, (_, rank) => rank).filter((rank) => !have.has(rank))
  draft.worldSize = processes
  if (gone.length === 0 || draft.rng.length === 0) return
  const names = gone.slice(0, 8).map(name).join(', ')
  const verb = gone.length === 1 ? 'is' : 'are'
  draft.mark(
    'rng',
    'missing',
    draft.rng.map(({ file }) => file),
    `${names} ${verb} not here: ${why}`,
  )
}
