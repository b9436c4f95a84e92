import { Button, Progress } from '@mantine/core'
import type { JobState } from '../api/jobs'
import { formatBytes } from './format'
import classes from './job-progress.module.css'
import { SafeText } from './safe-text'

/** How far a job is, in bytes, how fast it goes, and the way to stop it. */
export function JobProgress({ job, cancel }: { job: JobState; cancel: () => void }) {
  const { progress, rate } = job
  const percent = progress && progress.total > 0 ? (progress.done / progress.total) * 100 : 0
  return (
    <div className={classes.job} role="status">
      <div className={classes.line}>
        <span>{job.title}</span>
        <span className={classes.soft}>
          {progress ? `${formatBytes(progress.done)} of ${formatBytes(progress.total)}` : 'Starting'}
          {rate !== undefined && `, ${formatBytes(rate)}/s`}
        </span>
        <Button size="compact-xs" variant="default" onClick={cancel}>
          Cancel
        </Button>
      </div>
      <Progress value={percent} size={4} aria-label={job.title} transitionDuration={120} />
      <div className={classes.label}>{progress && <SafeText>{progress.label}</SafeText>}</div>
    </div>
  )
}
