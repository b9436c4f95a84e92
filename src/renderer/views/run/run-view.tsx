import type { OpenedRun } from '../../../contract/contract'
import { Empty } from '../../ui/empty'
import { formatBytes, formatCount } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { Tag } from '../../ui/tag'
import { useWorkspace } from '../../workspace/hooks'
import { RESUME } from '../shared/resume'
import { VerdictTag } from '../shared/verdict'
import classes from './run-view.module.css'

/** The checkpoints of a run, each with its verdict, and the last one to trust. */
export function RunView({ run }: { run: OpenedRun }) {
  const workspace = useWorkspace()
  if (run.checkpoints.length === 0) {
    return (
      <Empty title="No checkpoints in this folder">Looked for checkpoint files and folders, three levels deep.</Empty>
    )
  }
  const lastGood = run.checkpoints.find((checkpoint) => checkpoint.path === run.lastGood)
  return (
    <div className={classes.view} data-testid="run-view">
      <p className={classes.lead}>
        {lastGood ? (
          <>
            The last checkpoint that training can resume from exactly is{' '}
            <button type="button" className={classes.link} onClick={() => workspace.open(lastGood.path)}>
              <SafeText>{lastGood.name}</SafeText>
            </button>
            .
          </>
        ) : (
          'None of these checkpoints lets training resume exactly.'
        )}
      </p>
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
              Tensors
            </th>
            <th scope="col" className={classes.number}>
              Bytes
            </th>
            <th scope="col">Findings</th>
          </tr>
        </thead>
        <tbody>
          {run.checkpoints.toReversed().map(({ path, name, step, verification }) => (
            <tr key={path} data-testid="run-row" data-verdict={verification.verdict}>
              <th scope="row">
                <button
                  type="button"
                  className={classes.link}
                  onClick={() => workspace.open(path)}
                  data-testid="open-checkpoint"
                >
                  <SafeText>{name}</SafeText>
                </button>
                {path === run.lastGood && (
                  <Tag tone="accent" data-testid="last-good">
                    last good
                  </Tag>
                )}
              </th>
              <td className={classes.number}>{step === undefined ? '–' : formatCount(step)}</td>
              <td>
                <VerdictTag verdict={verification.verdict} />
              </td>
              <td>{RESUME[verification.resume.level].short}</td>
              <td className={classes.number}>{formatCount(verification.tensors.count)}</td>
              <td className={classes.number}>{formatBytes(verification.tensors.bytes)}</td>
              <td className={classes.findings}>
                {verification.findings.length === 0 ? 'none' : <SafeText>{summaryOf(verification.findings)}</SafeText>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function summaryOf(findings: readonly { message: string }[]): string {
  const [first, ...others] = findings
  if (!first) return ''
  return others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`
}
