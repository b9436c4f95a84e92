import { obstacleAt, pathKind } from '../bytes/folder'
import { type Finding, finding } from '../finding'
import type { Checkpoint, Run } from './checkpoint'
import { Draft } from './draft'
import { layoutOf } from './layouts'
import { absolute, type Listing, listingOfFile, listingOfFolder } from './listing'
import { openLogs } from './logs'
import { marksBeside, processesBeside, type Rebuilt } from './rebuilt'
import { runAt } from './run'
import { partsBeside } from './save-parts'

/**
 * Opens what a path denotes: a file, a folder that is a checkpoint, or a folder of checkpoints (a run, whose checkpoints are
 * listed and not opened). Headers are read, no values but the few bytes of a step count. Bad content is told by findings;
 * throws AssayError `file/unreadable` when there is nothing at the path or it cannot be listed.
 */
export async function openPath(path: string): Promise<Checkpoint | Run> {
  return listRun(path) ?? openCheckpoint(path)
}

/** The run at a path; undefined where there is a checkpoint, or may be one. Opens no file. Throws as `openPath`. */
export function listRun(path: string): Run | undefined {
  return kindOf(path) === 'folder' ? runAt(path) : undefined
}

/** Opens one checkpoint, also where a run could be seen. Throws as `openPath`. Close it when done. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const alone = kindOf(path) === 'file'
  const listing = alone ? { ...listingOfFile(path), parts: partsBeside(path) } : listingOfFolder(path)
  const layout = layoutOf(listing)
  const draft = new Draft(listing, layout.label)
  draft.findings.push(...unreadable(listing))
  let rebuilt: Rebuilt[] = []
  try {
    const processes = alone ? undefined : await processesBeside(listing.root)
    if (processes !== undefined) draft.resizedTo = processes
    await layout.open(draft)
    if (listing.only === undefined) await openLogs(draft)
    rebuilt = rebuiltIn(draft, alone ? [] : await marksBeside(listing.root))
  } catch (error) {
    draft.close()
    throw error
  }
  return {
    path: absolute(path),
    name: listing.name,
    layout: layout.id,
    layoutLabel: draft.label,
    files: draft.files,
    ...(draft.passedOver.length > 0 && { passedOver: draft.passedOver }),
    components: draft.components(),
    tensors: draft.files.flatMap(({ tensors }) => tensors),
    state: draft.state(),
    ...(draft.config !== undefined && { config: draft.config }),
    findings: [...draft.findings, ...draft.files.flatMap(({ findings }) => findings)],
    ...(rebuilt.length > 0 && { rebuilt }),
    close: () => draft.close(),
  }
}

/** Files that say so themselves, and those that a record beside them tells of. */
function rebuiltIn(draft: Draft, beside: readonly Rebuilt[]): Rebuilt[] {
  const own = draft.files.flatMap(({ path, rebuilt = [] }) => {
    const whole = draft.components().find(({ files }) => files.includes(path))?.id
    return rebuilt.flatMap(({ component = whole, ...mark }) => (component ? [{ file: path, component, ...mark }] : []))
  })
  return [...own, ...beside]
}

export function isRun(opened: Checkpoint | Run): opened is Run {
  return 'checkpoints' in opened
}

/** Names that files of a checkpoint have. */
const PART = /\.(safetensors|bin|pt|pth|ckpt|pkl|gguf|h5|msgpack|npz|distcp|json|model|txt)$/i
const MOST_TOLD = 50
/** Names of links to the last or best checkpoint: `last.ckpt` of Lightning, `latest`, `best.pt`. */
export const POINTER = /(^|[-_.])(last|latest|best|final|current)([-_.]|$)/i

/** What has the name of a part of the checkpoint and no contents: a cache links to files that may have been cleaned away. */
function unreadable({ entries, only }: Listing): Finding[] {
  const dead = only === undefined ? entries.filter(({ kind, path }) => kind === 'other' && PART.test(path)) : []
  return dead.slice(0, MOST_TOLD).map(({ path }) => {
    if (POINTER.test(path)) {
      const message = `${path} is a link to a checkpoint that is not there: what resumes by this name finds nothing`
      return finding('trainer/stale-pointer', path, message)
    }
    return finding(
      'file/unreadable',
      path,
      `${path} cannot be read: it is a link that leads to no file, a device, or has a name that is no UTF-8`,
      {
        repair: 'Download or copy the file again',
      },
    )
  })
}

function kindOf(path: string): 'file' | 'folder' {
  const kind = pathKind(path)
  if (kind) return kind
  throw obstacleAt(path)
}
