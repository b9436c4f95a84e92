import type { Verification } from '../../contract/schemas'
import { colors, complain, describe, type Failure } from '../complaint'
import type { Io } from '../io'
import { type Session, withSession } from '../session'
import { STATUS, type Status } from '../status'
import { componentLines, findingLines, verdictLine } from '../text/report'
import { jsonText, safe } from '../text/safe'
import { table } from '../text/table'

interface Options {
  readonly deep?: true
  readonly strict?: true
  readonly json?: true
}

type Row = Verification | { readonly path: string; readonly error: Failure }

export async function verify(paths: readonly string[], options: Options, io: Io): Promise<Status> {
  return withSession(io, async (session) => {
    const [path] = paths as [string, ...string[]]
    if (paths.length === 1) {
      const { run, rows, lastGood } = await verifyPath(path, options, session, io)
      const [only] = rows
      if (run === undefined && only) {
        io.stdout.write(options.json ? jsonText(only, io.stdout.isTTY === true) : checkpointText(only, io))
      } else {
        print({ path: run ?? path, checkpoints: rows, lastGood }, options, io)
      }
      return statusOf(rows)
    }

    const rows: Row[] = []
    let lastGood: string | null = null
    for (const each of paths) {
      try {
        const found = await verifyPath(each, options, session, io)
        rows.push(...found.rows)
        lastGood = found.lastGood ?? lastGood
      } catch (error) {
        if (io.signal?.aborted) throw error
        complain(error, io)
        rows.push({ path: session.absolute(each), error: describe(error) })
      }
    }
    print({ path: commonFolder(rows.map((row) => row.path)), checkpoints: rows, lastGood }, options, io)
    return statusOf(rows)
  })
}

/** The checkpoint at a path, or every one of the run there. */
async function verifyPath(path: string, { deep, strict }: Options, { client, absolute, finish }: Session, io: Io) {
  const choices = { ...(strict && { strict }) }
  const call = { ...(io.signal && { signal: io.signal }) }
  const opened = await client.open({ path: absolute(path), ...choices })
  const read = async ({ id, verification }: { id: string; verification: Verification }) => {
    const result = deep ? await finish(client.verifyDeep({ id, ...choices }, call)) : verification
    await client.close({ id })
    return result
  }
  if (opened.kind === 'checkpoint') {
    const row = await read(opened)
    return { rows: [row], lastGood: lastGoodOf([row]) }
  }
  if (!deep) {
    return { run: opened.path, rows: opened.checkpoints.map((one) => one.verification), lastGood: opened.lastGood }
  }
  const rows: Verification[] = []
  for (const each of opened.checkpoints) {
    const one = await client.open({ path: each.path, ...choices })
    if (one.kind === 'checkpoint') rows.push(await read(one))
  }
  return { run: opened.path, rows, lastGood: lastGoodOf(rows) }
}

/** The last that training can resume from exactly. Reading values may overturn the first look. */
function lastGoodOf(rows: readonly Verification[]): string | null {
  return rows.findLast(({ verdict }) => verdict === 'complete')?.path ?? null
}

function statusOf(rows: readonly Row[]): Status {
  if (rows.some((row) => 'error' in row)) return STATUS.trouble
  return rows.every((row) => 'verdict' in row && row.verdict === 'complete') ? STATUS.good : STATUS.findings
}

function print(all: { path: string; checkpoints: readonly Row[]; lastGood: string | null }, options: Options, io: Io) {
  io.stdout.write(options.json ? jsonText(all, io.stdout.isTTY === true) : runText(all, io))
}

function checkpointText(verification: Verification, io: Io): string {
  const { bold, dim } = colors(io)
  const { path, layoutLabel, step, deep } = verification
  const head = [bold(safe(path)), safe(layoutLabel), ...(step === undefined ? [] : [`step ${step}`])].join('  ')
  return [
    `${head}\n${verdictLine(verification, io)}\n`,
    componentLines(verification, io),
    findingLines(verification.findings, io),
    deep ? '' : dim('Values were not read; --deep reads them all.\n'),
  ].join('\n')
}

function runText({ path, checkpoints, lastGood }: Parameters<typeof print>[0], io: Io): string {
  const { bold, dim, green, yellow, red } = colors(io)
  const paint = { complete: green, partial: yellow, broken: red, error: red }
  const names = checkpoints.map((row) => ('error' in row ? 'error' : row.verdict))
  const lines = checkpoints.map((row) => {
    const name = safe(row.path.startsWith(`${path}/`) ? row.path.slice(path.length + 1) : row.path)
    if ('error' in row) return [name, '', 'error', safe(row.error.message)]
    const rules = [...new Set(row.findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule))]
    return [name, row.step === undefined ? '' : `step ${row.step}`, row.verdict, rules.join(', ')]
  })
  const body = table(lines, {
    indent: '  ',
    paint: (cell, column, row) => (column === 2 ? paint[names[row] ?? 'error'](cell) : column === 3 ? dim(cell) : cell),
  })
  const last =
    lastGood === null ? red('Training can resume exactly from none of them.') : `Last good: ${bold(safe(lastGood))}`
  return `${bold(safe(path))}\n\n${body}\n${last}\n`
}

/** Deepest folder that all paths lie in. */
function commonFolder(paths: readonly string[]): string {
  const parts = paths.map((path) => path.split('/').slice(0, -1))
  const [first = []] = parts
  const end = first.findIndex((part, i) => parts.some((other) => other[i] !== part))
  return first.slice(0, end === -1 ? first.length : end).join('/') || '/'
}
