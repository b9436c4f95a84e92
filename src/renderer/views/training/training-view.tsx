import { SegmentedControl } from '@mantine/core'
import { IconChartLine } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { History } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { problemOf } from '../../api/problem'
import { Empty } from '../../ui/empty'
import { ErrorPanel } from '../../ui/error-panel'
import { folderOf } from '../../ui/format'
import { Pending } from '../../ui/pending'
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
  const history = useQuery({
    queryKey: whole ? ['history', id, run] : ['history', id],
    queryFn: ({ signal }) => client.history(whole ? { path: run } : { id }, { signal }),
  })
  const state = useQuery({ queryKey: ['state', id], queryFn: ({ signal }) => client.state({ id }, { signal }) })
  const isEmpty = history.data && isBlank(history.data)
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
      {history.isPending && <Pending lines={5} label="Reading the history" />}
      {history.error && <ErrorPanel problem={problemOf(history.error)} retry={() => history.refetch()} />}
      {isEmpty && (
        <Empty icon={<IconChartLine size={24} />} title="No loss or learning rate was logged here">
          Looked for trainer_state.json, the lists in training_state.pt and custom objects that count steps.
        </Empty>
      )}
      {history.data && !isEmpty && <Charts history={history.data} />}
      {state.isPending && <Pending lines={4} label="Reading the training state" />}
      {state.error && <ErrorPanel problem={problemOf(state.error)} retry={() => state.refetch()} />}
      {state.data?.optimizers.map((optimizer) => (
        <ParameterTable key={optimizer.file} optimizer={optimizer} />
      ))}
      {state.data && <StatePanels state={state.data} />}
    </div>
  )
}

function isBlank({ loss, evalLoss, learningRate, metrics, schedule }: History): boolean {
  const logged = loss.length + evalLoss.length + learningRate.length + Object.keys(metrics).length
  return logged === 0 && !schedule
}
