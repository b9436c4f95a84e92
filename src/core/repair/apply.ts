import type { Kernel } from '../analysis/kernel'
import { openFile } from '../bytes/file'
import { baseName, fileAt, joinPath, parentOf, pathKind, realPath } from '../bytes/folder'
import { lock } from '../bytes/lock'
import { readBytes } from '../bytes/source'
import { stage } from '../bytes/stage'
import { swapIn } from '../bytes/swap'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { openCheckpoint } from '../checkpoint/open'
import { RECORD } from '../checkpoint/rebuilt'
import { parseJson } from '../decode/json'
import { AssayError } from '../errors'
import { type Verification, verify } from '../verify/verify'
import type { WriteOptions } from '../write/output'
import { type Built, build, readBack, type Site } from './build'
import { plannedFiles, type Work, workOf, writtenPaths } from './files'
import { withLosses } from './losses'
import { Progress } from './progress'
import { recordText, type SizeAndTime } from './provenance'
import { rootOf } from './shard-index'
import { isDone, type RepairPlan, type RepairStep } from './steps'
import { refuseFull, writeText } from './target'
import { refuseChanged } from './unchanged'
import { roomOf } from './undo'

export interface RepairResult extends Pick<RepairPlan, 'plan' | 'unmended' | 'verdictBefore'> {
  /** False when no step was left to do; nothing has been written then. */
  readonly applied: boolean
  readonly out: string | null
  readonly verdictAfter: Verification['verdict'] | null
  /** Tensors that were read back and compared with their source. */
  readonly compared: number
}

export interface RepairOptions extends WriteOptions {
  readonly kernel: Kernel
  /** A folder, or a file for a checkpoint that is one file; nothing may be there yet, or an empty folder. */
  readonly out?: string
  /** Instead of `out`: new files take the place of the old ones, which stay beside as `<name>.backup`. */
  readonly inPlace?: boolean
  /** Numbers of steps that the user does not want. */
  readonly refused?: readonly number[]
}

/**
 * Does the sure steps of a plan and writes a new checkpoint: changed files in their own format, all others copied, a record
 * in `assay-repair.json`. The original is only read. The result is opened, verified and compared with its source before it
 * appears; a failure or a cancel leaves nothing behind and, in place, puts everything back.
 *
 * Throws `file/changed` where a file is not the one any more that was opened, `target/exists`, `target/busy` while another repair writes there, `target/inside-source`, `target/no-space`, `target/unwritable`, `target/mismatch`, `cancelled`, and
 * as `rewrite`.
 */
export async function applyRepair(
  checkpoint: Checkpoint,
  plan: RepairPlan,
  options: RepairOptions,
): Promise<RepairResult> {
  const { out, inPlace, refused = [] } = options
  const steps = withLosses(plan.plan.filter((step) => isDone(step) && !refused.includes(step.step)))
  const { unmended, verdictBefore } = plan
  const facts = { plan: plan.plan, unmended, verdictBefore }
  if (steps.length === 0) return { ...facts, applied: false, out: null, verdictAfter: null, compared: 0 }
  const job = { checkpoint, plan, steps, options }
  const target = inPlace ? checkpoint.path : out
  if (target === undefined) throw new AssayError('usage', 'A repair needs a place to write to')
  const release = await lock(target)
  try {
    const outcome = await (inPlace ? intoPlace(job) : intoNew(job, target))
    return { ...facts, applied: true, out: target, ...outcome }
  } finally {
    await release()
  }
}

interface Job {
  readonly checkpoint: Checkpoint
  readonly plan: RepairPlan
  readonly steps: readonly RepairStep[]
  readonly options: RepairOptions
}

type Outcome = Pick<RepairResult, 'verdictAfter' | 'compared'>

/** An `out` that ends like this names a file; any other a folder. */
const FILE_NAME = /\.(safetensors|bin|pt|pth|ckpt)$/i

async function intoNew(job: Job, out: string): Promise<Outcome> {
  const { checkpoint, steps } = job
  const alone = pathKind(checkpoint.path) === 'file' && FILE_NAME.test(out) && pathKind(out) !== 'folder'
  if (!alone && isInside(out, rootOf(checkpoint)) && pathKind(checkpoint.path) === 'folder')
    throw new AssayError('target/inside-source', `${out} lies inside the checkpoint that is to be repaired`, {
      file: out,
      hint: 'Write beside it, or repair in place',
    })
  const work = await workOf(checkpoint, steps, alone)
  refuseChanged(checkpoint, work)
  const several = writtenPaths(work).length > 1
  if (alone) refuseOtherForm(out, work)
  if (alone && several) throw new AssayError('usage', `Several files change; ${baseName(out)} is only one`)
  const staged = await stage(out)
  try {
    const site = siteOf(job, work, (path) => (alone ? staged.path : joinPath(staged.path, path)))
    refuseFull(out, sizeOf(work))
    const built = await build(work, site)
    if (!alone) await writeText(joinPath(staged.path, RECORD), await recordOf(job, work, built.made))
    const outcome = await verified(job, built, site, staged.path, (path) => (alone ? baseName(out) : path))
    refuseChanged(checkpoint, work)
    await staged.commit()
    return outcome
  } catch (error) {
    await staged.discard()
    throw staged.told(error)
  }
}

/** Throws `usage` where the only file would be called like one of another format: a repair keeps the format. */
function refuseOtherForm(out: string, { changed }: Work): void {
  const [only] = changed
  if (!only || /\.safetensors$/i.test(out) === (only.file.kind === 'safetensors')) return
  const [form, ending] = only.file.kind === 'safetensors' ? ['safetensors', '.safetensors'] : ['PyTorch', '.pt']
  throw new AssayError('usage', `${baseName(out)} would be a ${form} file by another name`, {
    hint: `A repair keeps the format: end the name in ${ending}, and export the result where it is to be another.`,
  })
}

async function intoPlace(job: Job): Promise<Outcome> {
  const { checkpoint, steps } = job
  const root = rootOf(checkpoint)
  const work = { ...(await workOf(checkpoint, steps)), copied: [] }
  refuseChanged(checkpoint, work)
  const room = await stage(roomOf(root), root)
  try {
    refuseFull(checkpoint.path, sizeOf(work))
    const inRoom = (path: string) => joinPath(room.path, path)
    const site = siteOf(job, work, inRoom)
    const built = await build(work, site)
    const record = pathKind(checkpoint.path) === 'file' ? `${checkpoint.name}.${RECORD}` : RECORD
    const written = writtenPaths(work)
    const originals = filesIn(root, [...written, ...work.removed])
    const known = { written: filesIn(room.path, written), originals }
    await writeText(inRoom(record), await recordOf(job, work, built.made, known))
    // The record first: with it even a repair that is cut off between two files can be undone.
    const paths = [record, ...written]
    refuseChanged(checkpoint, work)
    const swap = await swapIn([
      ...paths.map((path) => ({ file: joinPath(root, path), replacement: inRoom(path) })),
      ...work.removed.map((path) => ({ file: joinPath(root, path) })),
    ])
    try {
      const there = { ...site, place: (path: string) => joinPath(root, path) }
      return await verified(job, built, there, checkpoint.path, (path) => path)
    } catch (error) {
      await swap.undo()
      throw error
    }
  } catch (error) {
    throw room.told(error)
  } finally {
    await room.discard()
  }
}

/** Opens the new checkpoint at `path`, compares it with its source, and gives its verdict. */
async function verified(
  { checkpoint, plan, options }: Job,
  built: Built,
  site: Site,
  path: string,
  rename: (path: string) => string,
): Promise<Outcome> {
  const opened = await openCheckpoint(path)
  try {
    const compared = await readBack(built, checkpoint, opened, site, rename)
    const { verdict } = await verify(opened, {
      kernel: options.kernel,
      // What only the values tell and nothing has mended is still there.
      deep: plan.deep && plan.unmended.length > 0,
      ...(options.signal && { signal: options.signal }),
    })
    return { verdictAfter: verdict, compared }
  } finally {
    opened.close()
  }
}

function siteOf({ checkpoint, options }: Job, work: Work, place: Site['place']): Site {
  const progress = new Progress(sizeOf(work) * 2, options.onProgress)
  return { root: rootOf(checkpoint), place, progress, ...(options.signal && { signal: options.signal }) }
}

function sizeOf(work: Work): number {
  return plannedFiles(work).reduce((sum, { bytes }) => sum + bytes, 0)
}

async function recordOf(
  { checkpoint, plan, steps }: Job,
  work: Work,
  made: Built['made'],
  inPlace?: Parameters<typeof recordText>[0]['inPlace'],
): Promise<string> {
  const place = joinPath(rootOf(checkpoint), RECORD)
  const facts = {
    source: checkpoint.path,
    checkpoint: checkpoint.name,
    steps,
    unmended: plan.unmended,
    files: plannedFiles(work),
    made,
    ...(inPlace && { inPlace }),
  }
  if (pathKind(place) !== 'file') return recordText(facts)
  const source = openFile(place, RECORD)
  try {
    const text = new TextDecoder().decode(await readBytes(source, 0, source.size))
    return recordText({ ...facts, previous: parseJson(text, RECORD) })
  } finally {
    source.close()
  }
}

/** Size and time of these files of `folder`, by path; nothing where there is none. */
function filesIn(folder: string, paths: readonly string[]): Map<string, SizeAndTime> {
  const known = new Map<string, SizeAndTime>()
  for (const path of paths) {
    const found = fileAt(joinPath(folder, path))
    if (found) known.set(path, { bytes: found.size, modified: found.modified })
  }
  return known
}

/** Whether `path`, at which nothing need be, is `folder` or lies below it, by whatever links. */
function isInside(path: string, folder: string): boolean {
  const wanted = realPath(folder)
  const parent = parentOf(path)
  const start = pathKind(path) ? realPath(path) : joinPath(pathKind(parent) ? realPath(parent) : parent, baseName(path))
  for (let at = start; ; at = parentOf(at)) {
    if (at === wanted) return true
    if (parentOf(at) === at) return false
  }
}
