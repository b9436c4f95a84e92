import type { RunFacts } from '../../../contract/schemas'
import type { ReadRun } from '../../api/run'
import { formatBytes, formatCount, formatNumber, formatTime, plural } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Tag } from '../../ui/tag'
import { useWorkspace } from '../../workspace/hooks'
import { RESUME } from '../shared/resume'
import { VerdictTag } from '../shared/verdict'
import classes from './run-table.module.css'
import type { RunCheckpoint, TimelineRow } from './timeline'

/** What a row is given by the table it stands in. */
interface Place {
  readonly 'data-index': number
  readonly 'aria-rowindex': number
  readonly style: { readonly height: number }
}

/** One line of the timeline. */
export function Row({ row, place, facts }: { row: TimelineRow; place: Place; facts: RunFacts | null }) {
  switch (row.kind) {
    case 'checkpoint':
      return <CheckpointRow place={place} checkpoint={row.checkpoint} facts={facts} />
    case 'listed':
      return <ListedRow place={place} listed={row.listed} />
    case 'run':
      return (
        <tr {...place} className={classes.run} data-testid="run-of">
          <th scope="rowgroup">
            <SafeText>{row.name}</SafeText>{' '}
            <span className={classes.within}>
              {plural(row.count, 'checkpoint')}
              {row.going && `, ${row.going}`}
            </span>
          </th>
        </tr>
      )
    case 'gap':
      return (
        <tr {...place} className={classes.gap} data-testid="run-gap">
          <td>
            {plural(row.gap.missing, 'checkpoint')} should lie between step {formatCount(row.gap.from)} and step{' '}
            {formatCount(row.gap.to)}
          </td>
        </tr>
      )
    case 'half':
      return (
        <tr {...place} className={classes.half} data-testid="run-half">
          <td title={row.half.path}>
            <SafeText>{row.half.name}</SafeText> was begun and not ended. <SafeText>{row.half.why}</SafeText>
          </td>
        </tr>
      )
  }
}

/** A checkpoint that was not looked at yet: its name opens it all the same. */
function ListedRow({ listed, place }: { listed: ReadRun['listed'][number]; place: Place }) {
  return (
    <tr className={classes.checkpoint} data-testid="run-listed" {...place}>
      <th scope="row">
        <Open path={listed.path} name={listed.name} title="" />
      </th>
      <td className={classes.number}>{listed.step === undefined ? '–' : formatCount(listed.step)}</td>
      <td className={classes.soft}>reading…</td>
      <td />
      <td />
      <td />
      <td />
    </tr>
  )
}

interface CheckpointRowProps {
  checkpoint: RunCheckpoint
  facts: RunFacts | null
  place: Place
}

function CheckpointRow({ checkpoint, facts, place }: CheckpointRowProps) {
  const { path, name, step, modified, bytes, loss, missing, verification } = checkpoint
  const { findings } = verification
  const labels = new Map(verification.components.map(({ id, label }) => [id, label]))
  const absent = missing.map((id) => labels.get(id) ?? id).join(', ')
  const all = findings.map(({ message }) => visible(message)).join('\n')
  return (
    <tr className={classes.checkpoint} data-testid="run-row" data-verdict={verification.verdict} {...place}>
      <th scope="row">
        <Open path={path} name={name} title={all} />
        <Marks checkpoint={checkpoint} facts={facts} />
      </th>
      <td className={classes.number}>{step === undefined ? '–' : formatCount(step)}</td>
      <td>
        <VerdictTag verdict={verification.verdict} />
        <span className={classes.soft}>{RESUME[verification.resume.level].short}</span>
      </td>
      <td className={classes.number}>{formatNumber(loss?.value)}</td>
      <td className={classes.number}>{formatBytes(bytes)}</td>
      <td className={classes.written}>{modified === 0 ? '–' : formatTime(modified)}</td>
      <td title={all} className={classes.wrong}>
        <span className={classes.lines}>
          {absent !== '' && (
            <strong>
              <SafeText>{`${absent} missing or damaged. `}</SafeText>
            </strong>
          )}
          {findings.length === 0 ? absent === '' && 'none' : <SafeText>{summaryOf(findings)}</SafeText>}
        </span>
      </td>
    </tr>
  )
}

function Open({ path, name, title }: { path: string; name: string; title: string }) {
  const workspace = useWorkspace()
  return (
    <button
      type="button"
      className={classes.link}
      title={title}
      onClick={() => workspace.open(path)}
      data-testid="open-checkpoint"
    >
      <SafeText>{name}</SafeText>
    </button>
  )
}

/** What a checkpoint is to the run. */
function Marks({ checkpoint: { path }, facts }: Pick<CheckpointRowProps, 'checkpoint' | 'facts'>) {
  if (!facts) return null
  const { lastGood, lastUsable, trainerPick, overlaps, rotation } = facts
  return (
    <span className={classes.places}>
      {path === lastGood && (
        <Tag tone="accent" title="The last that training can resume from exactly" data-testid="last-good">
          last good
        </Tag>
      )}
      {path === lastUsable && lastUsable !== lastGood && (
        <Tag tone="info" title="The last that loads at all" data-testid="last-usable">
          last usable
        </Tag>
      )}
      {path === trainerPick?.path && (
        <Tag tone={trainerPick.wise ? 'neutral' : 'warn'} title={visible(trainerPick.why)} data-testid="trainer-pick">
          Trainer’s pick
        </Tag>
      )}
      {overlaps.some((overlap) => overlap.path === path) && (
        <Tag tone="warn" title="Left over from an earlier attempt">
          earlier attempt
        </Tag>
      )}
      {rotation?.set && rotation.removes.includes(path) && (
        <Tag title={`The training arguments keep ${rotation.limit}`}>to be rotated out</Tag>
      )}
    </span>
  )
}

function summaryOf(findings: readonly { message: string }[]): string {
  const [first, ...others] = findings
  if (!first) return ''
  return others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`
}
