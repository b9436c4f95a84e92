import { Button } from '@mantine/core'
import { IconListSearch } from '@tabler/icons-react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useApi, useJob } from '../../api/context'
import { ErrorPanel } from '../../ui/error-panel'
import { formatBytes } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { useWorkspace } from '../../workspace/hooks'
import { verifyEveryValue, verifyKey } from '../../workspace/verify'
import classes from './deep-check.module.css'

interface DeepCheckProps {
  checkpoint: OpenedCheckpoint
  /** Before what tests call its parts, where it is not alone in the window. */
  prefix?: string
}

/** Whether values were read, and the way to have them read. */
export function DeepCheck({ checkpoint, prefix = '' }: DeepCheckProps) {
  const api = useApi()
  const workspace = useWorkspace()
  const { id, verification } = checkpoint
  const job = useJob(verifyKey(id))
  const check = () => verifyEveryValue(api, workspace, id)
  if (job?.status === 'running') return <JobProgress job={job} cancel={() => api.jobs.cancel(verifyKey(id))} />
  if (job?.status === 'failed' && job.problem) return <ErrorPanel problem={job.problem} retry={check} />
  if (verification.deep) {
    return (
      <p className={classes.note} data-testid={`${prefix}verified-deep`}>
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
        data-testid={`${prefix}verify-deep`}
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
