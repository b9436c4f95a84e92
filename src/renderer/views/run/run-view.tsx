import { Progress } from '@mantine/core'
import { useResizeObserver } from '@mantine/hooks'
import { useRef } from 'react'
import type { ReadRun } from '../../api/run'
import { Empty } from '../../ui/empty'
import { formatBytes, formatCount, plural } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import { Notes } from './notes'
import { RunChart } from './run-chart'
import { RunTable } from './run-table'
import classes from './run-view.module.css'

/** The checkpoints of a run over its loss, each with its verdict, and the last one to trust. */
export function RunView({ run }: { run: ReadRun }) {
  const scroller = useRef<HTMLDivElement>(null)
  const [above, { height }] = useResizeObserver<HTMLDivElement>()
  if (run.listed.length === 0) {
    return (
      <Empty title="No checkpoints in this folder">Looked for checkpoint files and folders, five levels deep.</Empty>
    )
  }
  return (
    <div ref={scroller} className={classes.view} data-testid="run-view">
      <div ref={above} className={classes.above}>
        {run.facts ? <Lead run={run} facts={run.facts} /> : <Reading run={run} />}
        <RunChart run={run} />
        {run.facts && <Notes facts={run.facts} />}
      </div>
      <RunTable run={run} scroller={scroller} above={height} />
    </div>
  )
}

function Reading({ run: { listed, checkpoints } }: { run: ReadRun }) {
  return (
    <div className={classes.reading} role="status">
      <span>
        Looked at {formatCount(checkpoints.length)} of {plural(listed.length, 'checkpoint')}, the newest first
      </span>
      <Progress
        value={(checkpoints.length / listed.length) * 100}
        size={4}
        w={200}
        aria-label="Reading the run"
        transitionDuration={80}
      />
    </div>
  )
}

function Lead({ run, facts }: { run: ReadRun; facts: NonNullable<ReadRun['facts']> }) {
  const workspace = useWorkspace()
  const { lastGood, lastUsable, bytes } = facts
  const usable = run.checkpoints.find(({ path }) => path === (lastGood ?? lastUsable))
  return (
    <p data-testid="run-lead">
      {lastGood === null
        ? 'None of these checkpoints lets training resume exactly'
        : 'The last checkpoint that training can resume from exactly is '}
      {lastGood === null && usable && '; the last that can be used at all is '}
      {usable && (
        <button type="button" className={classes.link} onClick={() => workspace.open(usable.path)}>
          <SafeText>{facts.runs && usable.run ? `${usable.run}/${usable.name}` : usable.name}</SafeText>
        </button>
      )}
      .{' '}
      <span className={classes.soft}>
        {plural(run.checkpoints.length, 'checkpoint')}, {formatBytes(bytes)}.
      </span>
    </p>
  )
}
