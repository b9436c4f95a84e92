import { Button } from '@mantine/core'
import type { JobState } from '../api/jobs'
import classes from './answer-progress.module.css'
import { JobProgress } from './job-progress'

interface AnswerProgressProps {
  /** While it is worked out. */
  job: JobState | undefined
  cancel: () => void
  cancelled: boolean
  /** What there is not, now that it was cancelled. */
  missing: string
  /** The way to it after all. */
  again: string
  retry: () => void
  testId: string
}

/** How far an answer is that takes longer than a moment, and where it was cancelled the way to ask again. */
export function AnswerProgress({ job, cancel, cancelled, missing, again, retry, testId }: AnswerProgressProps) {
  if (job?.status === 'running')
    return (
      <div className={classes.late} data-testid={`${testId}-job`}>
        <JobProgress job={job} cancel={cancel} />
      </div>
    )
  if (!cancelled) return null
  return (
    <p className={classes.cancelled} role="status">
      Cancelled: {missing}
      <Button variant="default" size="compact-xs" onClick={retry} data-testid={`${testId}-retry`}>
        {again}
      </Button>
    </p>
  )
}
