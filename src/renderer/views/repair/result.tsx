import { Button } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { RepairResult, TensorChange } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import type { JobState } from '../../api/jobs'
import { ErrorPanel } from '../../ui/error-panel'
import { formatBytes, formatCount, plural } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { SafeText, visible } from '../../ui/safe-text'
import { useCheckpoint, useWorkspace } from '../../workspace/hooks'
import { VerdictTag } from '../shared/verdict'
import { isDone } from './answers'
import classes from './repair-view.module.css'

interface ResultProps {
  job: JobState<RepairResult> | undefined
  cancel: () => void
  /** How to take it back, where it was done in place. */
  undo: ReactNode
}

/** What was written, and what it is worth now that it was read back. */
export function Result({ job, cancel, undo }: ResultProps) {
  if (!job) return <p className={classes.soft}>What was written is read back and verified before it takes its name.</p>
  if (job.status === 'running') return <JobProgress job={job} cancel={cancel} />
  if (job.status === 'cancelled') return <p className={classes.soft}>Cancelled. Nothing was left behind.</p>
  if (job.problem) return <ErrorPanel problem={job.problem} />
  return job.result ? <Written result={job.result} undo={undo} /> : null
}

/** So many changes are listed. */
const LISTED = 200

/** Each tensor or file that was changed, as it was and as it is. */
function Changes({ plan }: { plan: RepairResult['plan'] }) {
  const done = plan.filter(isDone)
  if (done.length === 0) return null
  return (
    <details className={classes.files} open={done.length <= 12} data-testid="repair-changes">
      <summary>{plural(done.length, 'change')}</summary>
      <table className={classes.changes}>
        <thead>
          <tr>
            <th scope="col">What, and on which evidence</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {done.slice(0, LISTED).map((step) => (
            <tr key={step.step} title={visible(step.action)} data-kind={step.kind}>
              <th scope="row">
                <code>
                  <SafeText>{step.subject}</SafeText>
                </code>
                <p className={classes.soft}>
                  <SafeText>{step.evidence}</SafeText>
                </p>
              </th>
              <td>
                {step.before === undefined ? '–' : <SafeText>{keptAs(step.before, step.tensors, 'before')}</SafeText>}
              </td>
              <td>
                <SafeText>{keptAs(step.after ?? step.kind.replaceAll('-', ' '), step.tensors, 'after')}</SafeText>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {done.length > LISTED && <p className={classes.soft}>and {formatCount(done.length - LISTED)} more</p>}
    </details>
  )
}

/** What a step says of its one tensor, with the dtype and the bytes that it has then. */
function keptAs(text: string, tensors: readonly TensorChange[] | undefined, side: 'before' | 'after'): string {
  const [only, ...others] = tensors ?? []
  const kept = only?.[side]
  return kept && others.length === 0 ? `${text} ${kept.dtype}, ${formatBytes(kept.bytes)}` : text
}

function Written({ result, undo }: { result: RepairResult; undo: ReactNode }) {
  const { bridge } = useApi()
  const workspace = useWorkspace()
  const inPlace = result.out === useCheckpoint().path
  const { applied, out, verdictBefore, verdictAfter, compared } = result
  const unmended = result.unmended.filter(({ note }) => !note)
  if (!applied || out === null) {
    return (
      <p data-testid="repair-result" data-applied={false}>
        Nothing was written: no step of the plan could be done.
      </p>
    )
  }
  return (
    <div className={classes.result} data-testid="repair-result" data-applied data-verdict={verdictAfter ?? ''}>
      <p className={classes.verdicts}>
        <VerdictTag verdict={verdictBefore} />
        <IconArrowRight size={14} aria-label="became" />
        {verdictAfter ? <VerdictTag verdict={verdictAfter} /> : 'not verified'}
      </p>
      <p>
        Written to <SafeText>{out}</SafeText>
        {inPlace && ', in place: the originals lie beside, as .backup files'}
      </p>
      <p className={classes.soft}>
        Read back and compared bit for bit with what was to be written: {plural(compared, 'tensor')}.
        {unmended.length > 0 && ` Findings that remain: ${formatCount(unmended.length)}.`}
      </p>
      <Changes plan={result.plan} />
      <div className={classes.buttons}>
        {!inPlace && (
          <Button variant="default" onClick={() => workspace.open(out)} data-testid="open-repaired">
            Open the repaired copy
          </Button>
        )}
        {undo}
        <Button variant="subtle" onClick={() => bridge.showInFolder(out)}>
          Show in folder
        </Button>
      </div>
    </div>
  )
}
