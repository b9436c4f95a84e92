import { Progress } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useApi, useRunningJobs } from '../../api/context'
import { formatBytes, formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { SafeText, visible } from '../../ui/safe-text'
import type { Subject } from '../../workspace/workspace'
import classes from './status-bar.module.css'

/** Where it is, how big it is, and what is being worked on. */
export function StatusBar({ subject, opening }: { subject: Subject | null; opening: string | null }) {
  const { bridge } = useApi()
  return (
    <footer className={classes.bar}>
      {subject ? (
        <button
          type="button"
          className={classes.path}
          title={`Show in folder: ${visible(subject.path)}`}
          onClick={() => bridge.showInFolder(subject.path)}
        >
          <SafeText>{subject.path}</SafeText>
        </button>
      ) : (
        <span className={classes.path}>Nothing open</span>
      )}
      {subject?.kind === 'checkpoint' && (
        <>
          <span>{formatBytes(subject.files.reduce((sum, file) => sum + file.size, 0))}</span>
          <span title="Of all components: weights, optimizer and other states">
            {formatCount(subject.tensorCount)} tensors in all
          </span>
        </>
      )}
      <div className={classes.end} aria-live="polite">
        {opening !== null && (
          <span className={classes.opening} data-testid="opening">
            Opening <SafeText>{opening.split(/[\\/]/).at(-1) ?? opening}</SafeText>…
          </span>
        )}
        <RunningJob />
      </div>
    </footer>
  )
}

function RunningJob() {
  const { jobs } = useApi()
  const running = useRunningJobs()
  const job = running.at(-1)
  if (!job) return null
  const { progress } = job
  const percent = progress && progress.total > 0 ? (progress.done / progress.total) * 100 : 0
  return (
    <span className={classes.job} data-testid="job">
      <span>{job.title}</span>
      <Progress value={percent} w={120} size={4} aria-label={job.title} transitionDuration={120} />
      <span className={classes.percent}>{Math.floor(percent)} %</span>
      {job.rate !== undefined && <span className={classes.rate}>{formatBytes(job.rate)}/s</span>}
      {running.length > 1 && <span>and {running.length - 1} more</span>}
      <IconAction label="Cancel" keys="Escape" size={20} onClick={() => jobs.cancel(job.key)} data-testid="job-cancel">
        <IconX size={13} />
      </IconAction>
    </span>
  )
}
