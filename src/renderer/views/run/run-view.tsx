import type { OpenedRun } from '../../../contract/contract'
import { Empty } from '../../ui/empty'
import { formatBytes, plural } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import { Notes } from './notes'
import { RunChart } from './run-chart'
import { RunTable } from './run-table'
import classes from './run-view.module.css'

/** The checkpoints of a run over its loss, each with its verdict, and the last one to trust. */
export function RunView({ run }: { run: OpenedRun }) {
  if (run.checkpoints.length === 0) {
    return (
      <Empty title="No checkpoints in this folder">Looked for checkpoint files and folders, three levels deep.</Empty>
    )
  }
  return (
    <div className={classes.view} data-testid="run-view">
      <Lead run={run} />
      <RunChart run={run} />
      <Notes run={run} />
      <RunTable run={run} />
    </div>
  )
}

function Lead({ run }: { run: OpenedRun }) {
  const workspace = useWorkspace()
  const { checkpoints, lastGood, lastUsable, bytes } = run
  const usable = checkpoints.find(({ path }) => path === (lastGood ?? lastUsable))
  return (
    <p>
      {lastGood === null
        ? 'None of these checkpoints lets training resume exactly'
        : 'The last checkpoint that training can resume from exactly is '}
      {lastGood === null && usable && '; the last that can be used at all is '}
      {usable && (
        <button type="button" className={classes.link} onClick={() => workspace.open(usable.path)}>
          <SafeText>{usable.name}</SafeText>
        </button>
      )}
      .{' '}
      <span className={classes.soft}>
        {plural(checkpoints.length, 'checkpoint')}, {formatBytes(bytes)}.
      </span>
    </p>
  )
}
