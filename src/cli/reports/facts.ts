import type { OpenedRun } from '../../contract/contract'
import { bytesText, plural } from '../text/units'
import type { Report } from './report'

/** What several checkpoints tell together, a sentence each. Texts are as the files gave them. */
export interface Fact {
  readonly text: string
  /** It speaks against going on as one would. */
  readonly grave: boolean
}

/** Gaps that are told one by one. */
const MOST_GAPS = 5

/** The facts of all rows, what to resume from first. None of a single checkpoint. */
export function factsOf({ rows, lastGood, run }: Report): Fact[] {
  if (rows.length === 1 && !run) return []
  return [resumable(rows, lastGood), ...(run ? runFacts(run, lastGood ?? null) : [])]
}

function resumable(rows: Report['rows'], lastGood: Report['lastGood']): Fact {
  if (lastGood === undefined) {
    const good = rows.filter((row) => 'verdict' in row && row.verdict === 'complete').length
    return { text: `Training can resume exactly from ${good} of ${rows.length}.`, grave: good === 0 }
  }
  if (lastGood === null) return { text: 'Training can resume exactly from none of them.', grave: true }
  return { text: `Last good: ${lastGood}`, grave: false }
}

function runFacts(run: OpenedRun, lastGood: string | null): Fact[] {
  const { lastUsable, gaps, overlaps, halfWritten, trainerPick, rotation, bytes } = run
  const name = (path: string) => path.split(/[\\/]/).at(-1) ?? path
  const grave = (text: string): Fact => ({ text, grave: true })
  const plain = (text: string): Fact => ({ text, grave: false })
  const frees =
    rotation && rotation.removes.length > 0
      ? `; save_total_limit=${rotation.limit} would free ${bytesText(rotation.frees)}`
      : ''
  return [
    ...(lastGood === null && lastUsable !== null ? [plain(`Last that loads: ${lastUsable}`)] : []),
    ...(trainerPick ? [picked(trainerPick)] : []),
    ...overlaps.map((one) =>
      grave(`${one.name} is of an earlier attempt: ${name(one.by)} tells another story from step ${one.from} on.`),
    ),
    ...halfWritten.map((one) => grave(`Half written: ${one.name}: ${one.why}.`)),
    ...gaps
      .slice(0, MOST_GAPS)
      .map(({ from, to, missing }) => plain(`Gap: steps ${from} to ${to}, ${plural(missing, 'checkpoint')} missing.`)),
    ...(gaps.length > MOST_GAPS ? [plain(`... and ${plural(gaps.length - MOST_GAPS, 'more gap')}.`)] : []),
    plain(`On disk: ${bytesText(bytes)}${frees}.`),
  ]
}

function picked({ name, wise, why }: NonNullable<OpenedRun['trainerPick']>): Fact {
  const text = wise
    ? `resume_from_checkpoint=True would pick ${name}, which is wise.`
    : `resume_from_checkpoint=True would pick ${name}: ${why}`
  return { text, grave: !wise }
}
