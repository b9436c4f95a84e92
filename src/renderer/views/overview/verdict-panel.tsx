import { Button } from '@mantine/core'
import { IconListSearch } from '@tabler/icons-react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useApi, useJob } from '../../api/context'
import { ErrorPanel } from '../../ui/error-panel'
import { formatBytes } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { SafeText } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import { verifyEveryValue, verifyKey } from '../../workspace/verify'
import { RESUME } from '../shared/resume'
import { VERDICTS } from '../shared/verdict'
import { ResumeScale } from './resume-scale'
import classes from './verdict-panel.module.css'

/** One word, one sentence, why, and the way to a surer answer. */
export function VerdictPanel({ checkpoint }: { checkpoint: OpenedCheckpoint }) {
  const { verification } = checkpoint
  const { word, tone, Icon } = VERDICTS[verification.verdict]
  return (
    <section className={classes.panel} data-tone={tone} aria-label="Verdict">
      <div className={classes.head}>
        <Icon size={34} stroke={1.6} className={classes.icon} aria-hidden />
        <div className={classes.words}>
          <h2 className={classes.word} data-testid="verdict" data-verdict={verification.verdict}>
            {word}
          </h2>
          <p className={classes.sentence}>{RESUME[verification.resume.level].sentence}</p>
        </div>
        <ResumeScale level={verification.resume.level} />
      </div>
      {verification.resume.why.length > 0 && (
        <ul className={classes.why}>
          {verification.resume.why.map((reason) => (
            <li key={reason}>
              <SafeText>{reason}</SafeText>
            </li>
          ))}
        </ul>
      )}
      {checkpoint.tensorCount > 0 && <DeepCheck checkpoint={checkpoint} />}
    </section>
  )
}

function DeepCheck({ checkpoint }: { checkpoint: OpenedCheckpoint }) {
  const api = useApi()
  const workspace = useWorkspace()
  const { id, verification } = checkpoint
  const job = useJob(verifyKey(id))
  const check = () => verifyEveryValue(api, workspace, id)
  if (job?.status === 'running') return <JobProgress job={job} cancel={() => api.jobs.cancel(verifyKey(id))} />
  if (job?.status === 'failed' && job.problem) return <ErrorPanel problem={job.problem} retry={check} />
  if (verification.deep) {
    return (
      <p className={classes.note} data-testid="verified-deep">
        Every value was read, in files of {formatBytes(sizeOf(checkpoint))} together.
      </p>
    )
  }
  return (
    <div className={classes.check}>
      <Button
        variant="default"
        leftSection={<IconListSearch size={15} aria-hidden />}
        onClick={check}
        data-testid="verify-deep"
      >
        Check every value
      </Button>
      <span className={classes.note}>
        {job?.status === 'cancelled'
          ? 'Cancelled. So far this rests on names and shapes.'
          : 'So far this rests on names and shapes.'}
        {` The files hold ${formatBytes(sizeOf(checkpoint))}.`}
      </span>
    </div>
  )
}

function sizeOf({ files }: OpenedCheckpoint): number {
  return files.reduce((sum, file) => sum + file.size, 0)
}
