import type { OpenedCheckpoint, OpenedRun } from '../../contract/contract'
import type { TensorRow, TrainingState } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { type Session, severalCheckpoints, withSession } from '../session'
import { STATUS, type Status } from '../status'
import { tensorRows } from '../tensors'
import { componentLines } from '../text/report'
import { jsonText, nameText, safe } from '../text/safe'
import { table } from '../text/table'
import { bytesText, numberText, plural, shapeText } from '../text/units'

interface Options {
  readonly tensors?: true
  readonly sha256?: true
  readonly filter?: string
  readonly json?: true
}

type Row = TensorRow & { readonly sha256?: string | null; readonly error?: string }

export async function show(path: string, options: Options, io: Io): Promise<Status> {
  return withSession(io, async (session) => {
    const { client, absolute } = session
    const opened = await client.open({ path: absolute(path) })
    const listed = options.tensors || options.sha256 || options.filter !== undefined
    if (opened.kind === 'run') {
      if (listed) throw severalCheckpoints(path, opened.checkpoints)
      io.stdout.write(options.json ? jsonText(runDocument(opened), io.stdout.isTTY === true) : runText(opened, io))
      return STATUS.good
    }
    const state = await client.state({ id: opened.id })
    const tensors = listed ? await rows(session, opened.id, options, io) : undefined
    io.stdout.write(
      options.json
        ? jsonText(document(opened, state, tensors), io.stdout.isTTY === true)
        : text(opened, state, tensors, options, io),
    )
    return STATUS.good
  })
}

async function rows(session: Session, id: string, { filter, sha256 }: Options, io: Io): Promise<Row[]> {
  const kept: Row[] = await tensorRows(session, id, filter)
  if (!sha256) return kept
  const digests = new Map<number, { sha256: string | null; error?: string | undefined }>()
  const indices = kept.map(({ index }) => index)
  const call = { ...(io.signal && { signal: io.signal }) }
  for await (const { index, ...digest } of await session.client.digests({ id, indices }, call))
    digests.set(index, digest)
  return kept.map((row) => ({ ...row, ...(digests.get(row.index) as Partial<Row>) }))
}

function document(opened: OpenedCheckpoint, state: TrainingState, tensors: readonly Row[] | undefined): object {
  const { path, name, layout, layoutLabel, files, verification } = opened
  const listed = tensors?.map(({ index: _, ...row }) => row)
  return { path, name, layout, layoutLabel, components: verification.components, files, tensors: listed, state }
}

function runDocument({ path, name, checkpoints }: OpenedRun): object {
  return { path, name, checkpoints: checkpoints.map(({ verification: _, ...one }) => one) }
}

function runText({ path, checkpoints, runs }: OpenedRun, io: Io): string {
  const { bold } = colors(io)
  const lines = checkpoints.map(({ name, run, step, verification }) => [
    safe(run === undefined ? name : `${run}/${name}`),
    step === undefined ? '' : `step ${step}`,
    safe(verification.layoutLabel),
    plural(verification.tensors.count, 'tensor'),
    bytesText(verification.tensors.bytes),
  ])
  const count = `${runs ? plural(runs.length, 'run') : 'a run'} of ${plural(checkpoints.length, 'checkpoint')}`
  return `${bold(safe(path))}  ${count}\n\n${table(lines, { indent: '  ' })}`
}

function text(
  opened: OpenedCheckpoint,
  state: TrainingState,
  tensors: readonly Row[] | undefined,
  options: Options,
  io: Io,
) {
  const { bold, dim } = colors(io)
  const { path, layoutLabel, verification, files } = opened
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const head = `${bold(safe(path))}  ${safe(layoutLabel)}\n${dim(`${plural(files.length, 'file')}, ${bytesText(size)}`)}\n`
  const parts = [head, componentLines(verification, io), summaryText(verification, io), stateText(state, io)]
  if (tensors) parts.push(tensorText(tensors, options, io))
  return parts.filter((part) => part !== '').join('\n')
}

/** How many findings there are; what they say, `verify` tells. */
function summaryText({ path, findings }: OpenedCheckpoint['verification'], io: Io): string {
  const { dim } = colors(io)
  const counts = (['error', 'warning', 'info'] as const).flatMap((severity) => {
    const count = findings.filter((each) => each.severity === severity).length
    return count === 0 ? [] : [severity === 'info' ? plural(count, 'note') : plural(count, severity)]
  })
  return counts.length === 0 ? '' : `  ${counts.join(', ')}${dim(`; assay verify ${safe(path)} tells them`)}\n`
}

function stateText(state: TrainingState, io: Io): string {
  const { dim } = colors(io)
  const lines: string[][] = []
  const add = (what: string, value: string) => lines.push([what, value])
  if (state.step !== undefined) add('step', String(state.step))
  if (state.epoch !== undefined) add('epoch', numberText(state.epoch))
  if (state.worldSize !== undefined) add('processes', String(state.worldSize))
  for (const { file, kind, groups, parameters, bytes, moments, step } of state.optimizers) {
    const about = [
      kind ?? '',
      step === undefined ? '' : `step ${step}`,
      plural(groups.length, 'group'),
      `${plural(parameters, 'parameter')} with ${moments.map(safe).join(', ') || 'no state'}`,
      `lr ${groups.map(({ lr }) => numberText(lr)).join(', ')}`,
      bytesText(bytes),
    ]
    add('optimizer', `${about.filter(Boolean).join(', ')}  ${dim(safe(file))}`)
  }
  for (const { file, lastEpoch, lastLr } of state.schedulers) {
    add('scheduler', `step ${lastEpoch ?? '?'}, lr ${lastLr.map(numberText).join(', ')}  ${dim(safe(file))}`)
  }
  for (const { file, rank, generators, malformed } of state.rng) {
    const whose = rank === undefined ? '' : `rank ${rank}: `
    add('rng', `${whose}${malformed ? safe(malformed) : generators.map(safe).join(', ')}  ${dim(safe(file))}`)
  }
  return table(lines, { indent: '  ' })
}

function tensorText(rows: readonly Row[], { sha256 }: Options, io: Io): string {
  const { dim, yellow } = colors(io)
  const lines = rows.map((row) => [
    nameText(row.label ?? row.name, io.stdout),
    row.dtype,
    shapeText(row.shape),
    bytesText(row.bytes),
    row.flags.join(' '),
    sha256 ? (row.sha256 ?? '-') : safe(row.file),
  ])
  const body = table(lines, {
    indent: '  ',
    align: ['left', 'left', 'left', 'right'],
    paint: (cell, column) => (column === 4 ? yellow(cell) : column === 5 ? dim(cell) : cell),
  })
  return `${body}${dim(`  ${plural(rows.length, 'tensor')}`)}\n`
}
