import { openFile } from '../../bytes/file'
import { joinPath } from '../../bytes/folder'
import { mappingOf } from '../../decode/pickle/value'
import { fieldsOf, type Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import { findingOf } from '../../finding'
import type { ComponentId, ComponentStatus, StateFile } from '../checkpoint'
import type { Draft } from '../draft'
import { filesLike, hasFile } from '../listing'
import { recognise } from '../recognise'

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
}

const TOKENIZER =
  /^(tokenizer.*\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|spiece\.model|sentencepiece.*\.model|(video_|image_)?(pre)?processor_config\.json|chat_template\.(jinja|json))$/

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

/** Empty, zeroed, a pointer, a page: found by the first bytes, and added to the findings. */
async function isUnusable(draft: Draft, path: string): Promise<boolean> {
  try {
    const source = openFile(joinPath(draft.listing.root, path), path)
    try {
      const found = (await recognise(source)).finding
      const page = found?.rule === 'file/not-a-checkpoint' && /web page/.test(found.message)
      if (!found || (!page && ['file/not-a-checkpoint', 'file/unknown-format'].includes(found.rule))) return false
      draft.findings.push(found)
      return true
    } finally {
      source.close()
    }
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    draft.findings.push(findingOf(error, path))
    return true
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
