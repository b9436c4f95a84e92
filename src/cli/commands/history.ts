import type { History } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonText, safe } from '../text/safe'
import { table } from '../text/table'
import { numberText, plural } from '../text/units'

interface Options {
  readonly json?: true
  readonly csv?: true
}

export async function history(path: string, { json, csv }: Options, io: Io): Promise<Status> {
  return withSession(io, async ({ client, absolute }) => {
    const place = absolute(path)
    const { runs } = await client.histories({ path: place }, { ...(io.signal && { signal: io.signal }) })
    const [only] = runs.length === 1 ? runs : []
    if (json) {
      io.stdout.write(
        jsonText(only ? { ...withoutName(only), path: place } : { path: place, runs }, io.stdout.isTTY === true),
      )
    } else if (csv) io.stdout.write(csvText(runs))
    else io.stdout.write(only ? text(place, only, io) : runs.map((run) => text(run.path, run, io)).join('\n'))
    return STATUS.good
  })
}

type RunHistory = History & { readonly path: string; readonly name: string }

function withoutName({ name: _, ...history }: RunHistory): object {
  return history
}

type Series = readonly (readonly [name: string, points: History['loss']])[]

function seriesOf({ loss, evalLoss, learningRate, metrics, schedule }: History): Series {
  const all: Series = [
    ['loss', loss],
    ['eval_loss', evalLoss],
    ['learning_rate', learningRate],
    ...Object.entries(metrics),
    ['learning_rate (to come)', schedule?.projected ?? []],
  ]
  return all.filter(([, points]) => points.length > 0)
}

/** With the names of the runs where there are several. RFC 4180: a field that holds a comma, a quote or a line break is quoted, its quotes doubled. */
function csvText(runs: readonly RunHistory[]): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const several = runs.length > 1
  const lines = runs.flatMap((run) =>
    seriesOf(run).flatMap(([name, points]) => {
      const of = `${several ? `${field(safe(run.name))},` : ''}${field(safe(name))}`
      return points.map(({ step, value }) => `${of},${step},${value}\n`)
    }),
  )
  return `${several ? 'run,' : ''}series,step,value\n${lines.join('')}`
}

function text(path: string, history: History, io: Io): string {
  const { bold, dim, yellow } = colors(io)
  const head = `${bold(safe(path))}\n\n`
  const rows = seriesOf(history).map(([name, points]) => {
    const [first, last] = [points[0], points.at(-1)]
    const finite = points.map(({ value }) => value).filter((value) => typeof value === 'number')
    return [
      safe(name),
      plural(points.length, 'point'),
      `${name === 'loss' ? history.lossUnit : 'step'} ${first?.step} to ${last?.step}`,
      numberText(first?.value),
      '→',
      numberText(last?.value),
      finite.length === 0
        ? ''
        : `${numberText(finite.reduce((a, b) => Math.min(a, b)))} … ${numberText(finite.reduce((a, b) => Math.max(a, b)))}`,
    ]
  })
  if (rows.length === 0) return `${head}  It remembers no loss and no learning rate.\n`
  const right = 'right' as const
  const body = table(rows, {
    indent: '  ',
    align: ['left', right, 'left', right, 'left', right],
    paint: (cell, column) => (column === 2 || column === 6 ? dim(cell) : cell),
  })
  const leaps = [
    ...history.jumps.map((jump) => ({ ...jump, does: 'jumps' })),
    ...history.spikes.map((spike) => ({ ...spike, does: 'spikes' })),
  ].map(({ series, step, from, to, does }) =>
    yellow(`  ${safe(series)} ${does} at step ${step}: ${numberText(from)} → ${numberText(to)}\n`),
  )
  const resumes = history.resumes.map((step) => `  resumed after step ${step}\n`)
  const left = new Set(history.abandoned.map(({ source }) => source)).size
  const apart = left > 0 ? `  ${plural(left, 'source')} tell of an earlier attempt, kept apart\n` : ''
  return [head, body, scheduleText(history, io), ...resumes, dim(apart), ...leaps].join('')
}

const BASIS = { state: '', arguments: ', from the training arguments', fitted: ', fitted to the logged rates' }

function scheduleText({ schedule, scheduleNote }: History, io: Io): string {
  const { dim, yellow } = colors(io)
  if (!schedule) return scheduleNote ? `\n${dim(`  ${safe(scheduleNote)}`)}\n` : ''
  const { kind, basis, logged } = schedule
  const { differing, compared, first } = logged
  const disagrees = first
    ? yellow(
        `  ${differing} of ${compared} logged rates are not what it gives: at step ${first.step} ` +
          `${numberText(first.logged)} was logged, it gives ${numberText(first.redrawn)}\n`,
      )
    : ''
  return `\n  schedule  ${safe(kind)}${dim(BASIS[basis])}\n${disagrees}`
}
