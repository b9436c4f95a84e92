import { Button } from '@mantine/core'
import { IconFileDiff } from '@tabler/icons-react'
import { useState } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { compare, type DiffReport } from '../../api/compare'
import { useApi, useJob } from '../../api/context'
import { Empty } from '../../ui/empty'
import { ErrorPanel } from '../../ui/error-panel'
import { JobProgress } from '../../ui/job-progress'
import { SafeText, visible } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import classes from './compare-view.module.css'
import { isSound, NOTHING_TYPED, optionsOf, swappedOptions } from './options'
import { OptionsMenu } from './options-menu'
import { Report } from './report'
import { Sides } from './sides'

/** This checkpoint against another: a sibling, an earlier save, somebody else's. */
export function CompareView() {
  const checkpoint = useCheckpoint()
  const { client, jobs } = useApi()
  const key = `compare ${checkpoint.id}`
  const job = useJob<DiffReport>(key)
  const [path, setPath] = useState('')
  const [swapped, setSwapped] = useState(false)
  const [typed, setTyped] = useState(NOTHING_TYPED)

  const run = (other: string, right: boolean, options = typed) =>
    jobs.start<DiffReport>(key, 'Comparing', async (signal) =>
      compare(client, { id: checkpoint.id, path: other, swapped: right }, signal, optionsOf(options)),
    )
  const choose = (next: string) => {
    setPath(next)
    jobs.clear(key)
  }
  const start = (other: string) => {
    setPath(other)
    void run(other, swapped)
  }
  const report = job?.result ?? job?.partial
  const others = checkpoint.siblings.filter((sibling) => sibling.path !== checkpoint.path)
  const swap = () => {
    const options = swappedOptions(typed)
    setSwapped(!swapped)
    setTyped(options)
    if (job && path !== '') void run(path, !swapped, options)
  }

  return (
    <div className={classes.view}>
      <Sides
        checkpoint={checkpoint}
        path={path}
        onChoose={choose}
        swapped={swapped}
        onSwap={swap}
        options={<OptionsMenu typed={typed} onChange={setTyped} />}
        ready={path !== '' && isSound(typed)}
        onRun={() => run(path, swapped)}
      />
      {job?.status === 'running' && (
        <div className={classes.padded}>
          <JobProgress job={job} cancel={() => jobs.cancel(key)} />
        </div>
      )}
      {job?.status === 'failed' && job.problem && (
        <div className={classes.padded}>
          <ErrorPanel problem={job.problem} retry={() => run(path, swapped)} />
        </div>
      )}
      {report && (
        <Report
          key={`${path} ${swapped}`}
          report={report}
          sides={{ id: checkpoint.id, path, swapped }}
          growing={job?.status === 'running'}
        />
      )}
      {(!job || job.status === 'cancelled') && (
        <Empty
          icon={<IconFileDiff size={24} />}
          title={job ? 'Cancelled' : path === '' ? 'What should it be compared with?' : 'Ready to compare'}
          actions={path === '' && others.length > 0 && <Others others={others} onChoose={start} />}
        >
          Names, shapes, dtypes, every value and the training state. Neither side is changed.
        </Empty>
      )}
    </div>
  )
}

/** So many fit beside each other; the menu above has them all. */
const OFFERED = 4

/** The other checkpoints of the run, the latest first: one press compares. */
function Others({ others, onChoose }: { others: OpenedCheckpoint['siblings']; onChoose: (path: string) => void }) {
  return others
    .toReversed()
    .slice(0, OFFERED)
    .map(({ path, name }) => (
      <Button
        key={path}
        variant="default"
        title={visible(path)}
        onClick={() => onChoose(path)}
        data-testid="compare-offer"
      >
        <SafeText>{name}</SafeText>
      </Button>
    ))
}
