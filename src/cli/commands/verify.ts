import { version } from '../../../package.json'
import type { OpenedRun } from '../../contract/contract'
import type { RuleChoices, RuleText, Verification } from '../../contract/schemas'
import { complain, describe, UsageError } from '../complaint'
import type { Io } from '../io'
import type { Format } from '../reports/formats'
import { htmlText } from '../reports/html'
import { junitText } from '../reports/junit'
import { markdownText } from '../reports/markdown'
import { isAmiss, type Report, type Row } from '../reports/report'
import { sarifText } from '../reports/sarif'
import { type Session, withSession } from '../session'
import { checkRules, settingsBeside } from '../settings'
import { STATUS, type Status } from '../status'
import { checkpointText, runText } from '../text/report'
import { rulesText } from '../text/rules'
import { jsonText, safe } from '../text/safe'
import { plural } from '../text/units'

interface Options {
  readonly deep?: true
  readonly strict?: true
  readonly reference?: string
  readonly json?: true
  readonly format?: Format
  /** Severities by rule, as the user gave them. */
  readonly rule?: RuleChoices
  /** List the rules instead. */
  readonly rules?: true
}

export async function verify(paths: readonly string[], options: Options, io: Io): Promise<Status> {
  return withSession(io, async (session) => {
    const format = options.json ? 'json' : (options.format ?? 'text')
    const rules = new Map((await session.client.rules()).map((rule) => [rule.id, rule]))
    if (options.rules) {
      io.stdout.write(listText([...rules.values()], format, io))
      return STATUS.good
    }
    const [path] = paths
    if (path === undefined) throw new UsageError('Name a checkpoint, or a folder of checkpoints')
    checkRules(options.rule ?? {}, rules)
    const report = (found: Pick<Report, 'path' | 'rows' | 'lastGood' | 'runs'>): Report => ({
      ...found,
      rules,
      version,
      folder: io.folder,
    })
    if (paths.length === 1) {
      const { run, rows, lastGood, below = [] } = await verifyPath(path, options, session, io, rules)
      const [only] = rows
      const all = report({ path: run?.path ?? only?.path ?? path, rows, lastGood, runs: run ? [run] : [] })
      io.stdout.write(run === undefined && only ? singleText(only, all, format, io) : textOf(all, format, io))
      if (format === 'text' && below.length > 0) io.stdout.write(belowText(below))
      return statusOf(all)
    }

    const rows: Row[] = []
    const runs: OpenedRun[] = []
    for (const each of paths) {
      try {
        const found = await verifyPath(each, options, session, io, rules)
        rows.push(...found.rows)
        if (found.run) runs.push(found.run)
      } catch (error) {
        if (io.signal?.aborted || error instanceof UsageError) throw error
        complain(error, io)
        rows.push({ path: session.absolute(each), error: describe(error) })
      }
    }
    const lastGood = isOneRun(rows) ? lastGoodOf(rows.filter((row) => 'verdict' in row)) : undefined
    const all = report({ path: commonFolder(rows.map((row) => row.path)), rows, lastGood, runs })
    io.stdout.write(textOf(all, format, io))
    return statusOf(all)
  })
}

/** The checkpoint at a path, or every one of the run there. */
async function verifyPath(
  path: string,
  options: Options,
  { client, absolute, finish }: Session,
  io: Io,
  known: ReadonlyMap<string, RuleText>,
) {
  const { deep } = options
  const settings = await settingsBeside(absolute(path))
  checkRules(settings.rules ?? {}, known)
  const rules = { ...settings.rules, ...options.rule }
  const choices = {
    rules,
    ...((options.strict || settings.strict) && { strict: true }),
    ...(options.reference !== undefined && { reference: absolute(options.reference) }),
  }
  const call = { ...(io.signal && { signal: io.signal }) }
  const opened = await client.open({ path: absolute(path), ...choices })
  const read = async ({ id, verification }: { id: string; verification: Verification }) => {
    const result = deep ? await finish(client.verifyDeep({ id, ...choices }, call)) : verification
    await client.close({ id })
    return result
  }
  if (opened.kind === 'checkpoint') {
    const row = await read(opened)
    const below = opened.siblings.filter(({ path: other }) => other.startsWith(`${opened.path}/`))
    return { rows: [row], lastGood: lastGoodOf([row]), below: below.map(({ path: other }) => other) }
  }
  const run = deep ? await finish(client.verifyRun({ path: opened.path, ...choices }, call)) : opened
  return { run, rows: run.checkpoints.map((one) => one.verification), lastGood: run.lastGood }
}

/** A finished run's folder is judged by the weights in it; what can be resumed lies deeper. */
function belowText(below: readonly string[]): string {
  const last = safe(below.at(-1) as string)
  return `\n${plural(below.length, 'checkpoint')} of a run lie below this folder and were not looked at; the last: assay verify ${last}\n`
}

/** The last that training can resume from exactly. Reading values may overturn the first look. */
function lastGoodOf(rows: readonly Verification[]): string | null {
  const good = rows.filter(({ verdict }) => verdict === 'complete')
  const latest = Math.max(...good.map(({ step = 0 }) => step))
  return good.findLast(({ step = 0 }) => step === latest)?.path ?? null
}

/** Whether all lie side by side, as the checkpoints of a run do, and count the steps of one training. */
function isOneRun(rows: readonly Row[]): boolean {
  const folders = new Set(rows.map(({ path }) => path.split('/').slice(0, -1).join('/')))
  const steps = rows.flatMap((row) => ('verdict' in row ? [row.step] : []))
  return folders.size === 1 && steps.every((step) => step !== undefined) && new Set(steps).size === steps.length
}

/** Trouble where a path could not be read; findings where one of the checkpoints, or a run as a whole, does not resume exactly. */
function statusOf({ rows, runs }: Report): Status {
  if (rows.some((row) => 'error' in row)) return STATUS.trouble
  const complete = rows.every((row) => 'verdict' in row && row.verdict === 'complete')
  return complete && !runs.some(isAmiss) ? STATUS.good : STATUS.findings
}

function singleText(row: Row, report: Report, format: Format, io: Io): string {
  if (format === 'json') return jsonText(row, io.stdout.isTTY === true)
  return format === 'text' && 'verdict' in row ? checkpointText(row, io) : textOf(report, format, io)
}

function textOf(report: Report, format: Format, io: Io): string {
  const { path, rows, lastGood, runs } = report
  const [run] = runs
  switch (format) {
    case 'text':
      return runText(report, io)
    case 'json':
      return jsonText(
        run && runs.length === 1 && run.path === path
          ? runJson(run, report)
          : { path, checkpoints: rows, lastGood: lastGood ?? null, findings: runs.flatMap(({ findings }) => findings) },
        io.stdout.isTTY === true,
      )
    case 'sarif':
      return sarifText(report)
    case 'junit':
      return junitText(report)
    case 'markdown':
      return markdownText(report)
    case 'html':
      return htmlText(report)
  }
}

/** The run's facts beside the rows; a row is the verification with what the run knows of its checkpoint. */
function runJson({ kind: _, checkpoints, ...facts }: OpenedRun, { rows, lastGood }: Report) {
  const known = new Map(checkpoints.map((row) => [row.path, row]))
  const told = rows.map((row) => {
    const { verification: _, ...place } = known.get(row.path) ?? { verification: undefined }
    return { ...row, ...place }
  })
  return { ...facts, checkpoints: told, lastGood: lastGood ?? null }
}

function listText(rules: readonly RuleText[], format: Format, io: Io): string {
  if (format === 'json') return jsonText({ rules }, io.stdout.isTTY === true)
  if (format === 'text') return rulesText(rules, io)
  throw new UsageError(`The rules are listed as text or as json, not as ${format}`)
}

/** Deepest folder that all paths lie in; none where that is the root of the file system. */
function commonFolder(paths: readonly string[]): string {
  const parts = paths.map((path) => path.split('/').slice(0, -1))
  const [first = []] = parts
  const end = first.findIndex((part, i) => parts.some((other) => other[i] !== part))
  return first.slice(0, end === -1 ? first.length : end).join('/')
}
