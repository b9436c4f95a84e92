import type { OpenedRun } from '../../../contract/contract'
import { formatBytes, formatCount, formatNumber, formatTime, plural } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Tag } from '../../ui/tag'
import { useWorkspace } from '../../workspace/hooks'
import { RESUME } from '../shared/resume'
import { VerdictTag } from '../shared/verdict'
import classes from './run-table.module.css'
import { type RunCheckpoint, timelineOf } from './timeline'

/** Every checkpoint of the run, the newest first, and the gaps between them. A row opens its checkpoint. */
export function RunTable({ run }: { run: OpenedRun }) {
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th scope="col">Checkpoint</th>
          <th scope="col" className={classes.number}>
            Step
          </th>
          <th scope="col">Verdict</th>
          <th scope="col">Resuming</th>
          <th scope="col" className={classes.number}>
            Loss
          </th>
          <th scope="col" className={classes.number}>
            Size
          </th>
          <th scope="col">Written</th>
          <th scope="col">Missing or damaged</th>
          <th scope="col">Findings</th>
        </tr>
      </thead>
      <tbody>
        {timelineOf(run).map((row) =>
          row.kind === 'gap' ? (
            <tr key={`gap ${row.gap.from}`} className={classes.gap} data-testid="run-gap">
              <td colSpan={9}>
                {plural(row.gap.missing, 'checkpoint')} should lie between step {formatCount(row.gap.from)} and step{' '}
                {formatCount(row.gap.to)}
              </td>
            </tr>
          ) : (
            <CheckpointRow
              key={row.checkpoint.path}
              checkpoint={row.checkpoint}
              isLastGood={row.checkpoint.path === run.lastGood}
            />
          ),
        )}
      </tbody>
    </table>
  )
}

function CheckpointRow({ checkpoint, isLastGood }: { checkpoint: RunCheckpoint; isLastGood: boolean }) {
  const workspace = useWorkspace()
  const { path, name, step, modified, bytes, loss, missing, verification } = checkpoint
  const labels = new Map(verification.components.map(({ id, label }) => [id, label]))
  return (
    <tr className={classes.checkpoint} data-testid="run-row" data-verdict={verification.verdict}>
      <th scope="row">
        <span className={classes.name}>
          <button
            type="button"
            className={classes.link}
            title={verification.findings.map(({ message }) => visible(message)).join('\n')}
            onClick={() => workspace.open(path)}
            data-testid="open-checkpoint"
          >
            <SafeText>{name}</SafeText>
          </button>
          {isLastGood && (
            <Tag tone="accent" data-testid="last-good">
              last good
            </Tag>
          )}
        </span>
      </th>
      <td className={classes.number}>{step === undefined ? '–' : formatCount(step)}</td>
      <td>
        <VerdictTag verdict={verification.verdict} />
      </td>
      <td>{RESUME[verification.resume.level].short}</td>
      <td className={classes.number}>{formatNumber(loss?.value)}</td>
      <td className={classes.number}>{formatBytes(bytes)}</td>
      <td>{formatTime(modified)}</td>
      <td className={classes.missing}>
        <SafeText>{missing.map((id) => labels.get(id) ?? id).join(', ') || 'nothing'}</SafeText>
      </td>
      <td className={classes.findings}>
        {verification.findings.length === 0 ? 'none' : <SafeText>{summaryOf(verification.findings)}</SafeText>}
      </td>
    </tr>
  )
}

function summaryOf(findings: readonly { message: string }[]): string {
  const [first, ...others] = findings
  if (!first) return ''
  return others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`
}
