import type { OpenedRun } from '../../contract/contract'
import { bytesText, plural } from '../text/units'
import type { Report } from './report'

/** What several checkpoints tell together, a sentence each. Texts are as the files gave them. */
export interface Fact {
  readonly text: string
  /** It speaks against going on as one would. */
  readonly grave: boolean
}

/** Gaps, and runs, that are told one by one. */
const MOST_GAPS = 5
const MOST_RUNS = 20

/** The facts of all rows, what to resume from first. None of a single checkpoint. */
export function factsOf({ rows, lastGood, runs }: Report): Fact[] {
  const [run] = runs
  if (rows.length === 1 && !run) return []
  if (run && runs.length === 1) return [resumable(rows, lastGood), ...runFacts(run)]
  const named = runs.flatMap((each) => runFacts(each).map((fact) => ({ ...fact, text: `${each.name}: ${fact.text}` })))
  return [resumable(rows, lastGood), ...named]
}

function resumable(rows: Report['rows'], lastGood: Report['lastGood']): Fact {
  if (lastGood === undefined) {
    const good = rows.filter((row) => 'verdict' in row && row.verdict === 'complete').length
    return { text: `Training can resume exactly from ${good} of ${rows.length}.`, grave: good === 0 }
  }
  if (lastGood === null) return { text: 'Training can resume exactly from none of them.', grave: true }
  return { text: `Last good: ${lastGood}`, grave: false }
}

function runFacts(run: OpenedRun): Fact[] {
  const { lastGood, lastUsable, gaps, overlaps, halfWritten, trainerPick, rotation, bytes, findings, runs = [] } = run
  const name = (path: string) => path.split(/[\\/]/).at(-1) ?? path
  const grave = (text: string): Fact => ({ text, grave: true })
  const plain = (text: string): Fact => ({ text, grave: false })
  const frees =
    rotation && rotation.removes.length > 0
      ? `; save_total_limit=${rotation.limit} would free ${bytesText(rotation.frees)}`
      : ''
  return [
    ...(lastGood === null && lastUsable !== null ? [plain(`Last that loads: ${lastUsable}`)] : []),
    ...runs.slice(0, MOST_RUNS).map((one) => plain(`${one.name}: ${going(one)}`)),
    ...(runs.length > MOST_RUNS ? [plain(`... and ${plural(runs.length - MOST_RUNS, 'more run')}.`)] : []),
    ...findings.map(({ message, severity }) => ({ text: `${message}.`, grave: severity !== 'info' })),
    ...(trainerPick ? [picked(trainerPick)] : []),
    ...overlaps.map((one) =>
      grave(`${one.name} is of an earlier attempt: ${name(one.by)} tells another story from step ${one.from} on.`),
    ),
    ...halfWritten.map((one) => grave(`Half written: ${one.name}: ${one.why}.`)),
    ...gaps
      .slice(0, MOST_GAPS)
      .map(({ from, to, missing, run: of }) =>
        plain(`Gap${of ? ` in ${of}` : ''}: steps ${from} to ${to}, ${plural(missing, 'checkpoint')} missing.`),
      ),
    ...(gaps.length > MOST_GAPS ? [plain(`... and ${plural(gaps.length - MOST_GAPS, 'more gap')}.`)] : []),
    plain(`On disk: ${bytesText(bytes)}${frees}.`),
  ]
}

function going({ lastGood, lastUsable }: NonNullable<OpenedRun['runs']>[number]): string {
  if (lastGood !== null) return `last good ${lastGood}`
  return lastUsable === null ? 'none of them loads' : `none resumes exactly; the last that loads is ${lastUsable}`
}

function picked({ name, wise, why }: NonNullable<OpenedRun['trainerPick']>): Fact {
  const text = wise
    ? `resume_from_checkpoint=True would pick ${name}, which is wise.`
    : `resume_from_checkpoint=True would pick ${name}: ${why}`
  return { text, grave: !wise }
}
