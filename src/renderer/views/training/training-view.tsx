import { SegmentedControl } from '@mantine/core'
import { IconChartLine } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { History } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { problemOf } from '../../api/problem'
import { Empty } from '../../ui/empty'
import { ErrorPanel } from '../../ui/error-panel'
import { folderOf, formatCount, plural } from '../../ui/format'
import { Pending } from '../../ui/pending'
import { SafeText } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import { Charts } from './charts'
import { ParameterTable } from './parameter-table'
import { StatePanels } from './state-panels'
import classes from './training-view.module.css'

/** How training went, and with what state it would go on. */
export function TrainingView() {
  const { id, path, siblings } = useCheckpoint()
  const { client } = useApi()
  const [whole, setWhole] = useState(false)
  const run = folderOf(path)
  const own = useQuery({
    queryKey: ['history', id],
    queryFn: ({ signal }) => client.history({ id }, { signal }),
    enabled: !whole,
  })
  const all = useQuery({
    queryKey: ['histories', id, run],
    queryFn: async ({ signal }) => runsAround(run, (await client.histories({ path: run }, { signal })).runs),
    enabled: whole,
  })
  const query = whole ? all : own
  const history = whole ? all.data?.own : own.data
  const state = useQuery({ queryKey: ['state', id], queryFn: ({ signal }) => client.state({ id }, { signal }) })
  const others = whole ? (all.data?.others ?? []) : []
  const isEmpty = query.isSuccess && (!history || isBlank(history))
  return (
    <div className={classes.view}>
      {siblings.length > 1 && siblings.every((sibling) => folderOf(sibling.path) === run) && (
        <SegmentedControl
          aria-label="Whose history"
          value={whole ? 'run' : 'checkpoint'}
          onChange={(value) => setWhole(value === 'run')}
          data={[
            { value: 'checkpoint', label: 'As this checkpoint has it' },
            { value: 'run', label: 'Of the whole run' },
          ]}
          className={classes.whose}
        />
      )}
      {others.length > 0 && (
        <p className={classes.others} data-testid="other-runs">
          Of the run that this checkpoint is in. Its folder holds {plural(others.length, 'other run')}, with a history
          of {others.length === 1 ? 'its' : 'their'} own: <SafeText>{some(others)}</SafeText>.
        </p>
      )}
      {query.isPending && <Pending lines={5} label="Reading the history" />}
      {query.error && <ErrorPanel problem={problemOf(query.error)} retry={() => query.refetch()} />}
      {isEmpty && (
        <Empty icon={<IconChartLine size={24} />} title="No loss or learning rate was logged here">
          Looked for trainer_state.json, the lists in training_state.pt and custom objects that count steps.
        </Empty>
      )}
      {history && !isEmpty && <Charts history={history} />}
      {state.isPending && <Pending lines={4} label="Reading the training state" />}
      {state.error && <ErrorPanel problem={problemOf(state.error)} retry={() => state.refetch()} />}
      {state.data?.optimizers.map((optimizer) => (
        <ParameterTable key={optimizer.file} optimizer={optimizer} />
      ))}
      {state.data && <StatePanels state={state.data} />}
    </div>
  )
}

type RunHistory = History & { readonly path: string; readonly name: string }

/** Of the runs in a folder the one whose checkpoints lie in it, and the names of those further down. */
function runsAround(folder: string, runs: readonly RunHistory[]): { own: History | undefined; others: string[] } {
  const own = runs.length === 1 ? runs[0] : runs.find(({ path }) => path === folder)
  return { own, others: runs.filter((run) => run !== own).map(({ name }) => name) }
}

/** Names that are told. */
const TOLD = 3

function some(names: readonly string[]): string {
  const more = names.length > TOLD ? ` and ${formatCount(names.length - TOLD)} more` : ''
  return `${names.slice(0, TOLD).join(', ')}${more}`
}

function isBlank({ loss, evalLoss, learningRate, metrics, schedule }: History): boolean {
  const logged = loss.length + evalLoss.length + learningRate.length + Object.keys(metrics).length
  return logged === 0 && !schedule
}
