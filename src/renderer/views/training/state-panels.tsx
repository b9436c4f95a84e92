import type { TrainingState } from '../../../contract/schemas'
import { Facts } from '../../ui/facts'
import { formatBytes, formatCount, formatNumber } from '../../ui/format'
import { keyed } from '../../ui/keyed'
import { RawValue } from '../../ui/raw-value'
import { SafeText, visible } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './training-view.module.css'

/** What the next step would start from, beside the weights. */
export function StatePanels({ state }: { state: TrainingState }) {
  return (
    <div className={classes.panels}>
      <Counters state={state} />
      {state.optimizers.length === 0 && (
        <Missing title="Optimizer" looked="optimizer.pt, optimizer.bin and optimizer keys of pickled states" />
      )}
      {state.optimizers.map((optimizer) => (
        <Optimizer key={optimizer.file} optimizer={optimizer} />
      ))}
      {state.schedulers.length === 0 && (
        <Missing title="Scheduler" looked="scheduler.pt, scheduler.bin and scheduler keys of pickled states" />
      )}
      {state.schedulers.map((scheduler) => (
        <Scheduler key={scheduler.file} scheduler={scheduler} />
      ))}
      <Rng rng={state.rng} />
      {state.records.map((record) => (
        <Section key={record.file} title={<SafeText>{record.file}</SafeText>} note={record.component}>
          <RawValue label="Values" value={record.value} />
        </Section>
      ))}
    </div>
  )
}

function Counters({ state }: { state: TrainingState }) {
  const { counters, step, epoch, worldSize } = state
  return (
    <Section title="Counters">
      <Facts
        rows={[
          ['Step', step === undefined ? 'not told' : formatCount(step)],
          ['Epoch', epoch === undefined ? undefined : formatNumber(epoch)],
          ['Processes', worldSize === undefined ? undefined : formatCount(worldSize)],
          ...counters.map(
            ({ source, value }) =>
              [
                visible(source),
                <span key={source} className={step !== undefined && value !== step ? classes.disagrees : undefined}>
                  {formatCount(value)}
                </span>,
              ] as const,
          ),
        ]}
      />
    </Section>
  )
}

function Missing({ title, looked }: { title: string; looked: string }) {
  return (
    <Section title={title}>
      <p className={classes.subtle}>None in this checkpoint. Looked for {looked}.</p>
    </Section>
  )
}

function Optimizer({ optimizer }: { optimizer: TrainingState['optimizers'][number] }) {
  const { file, step, groups, parameters, bytes, moments } = optimizer
  return (
    <Section title="Optimizer" note={<SafeText>{file}</SafeText>}>
      <Facts
        rows={[
          ['Parameters with state', formatCount(parameters)],
          ['Kept for each', moments.length > 0 ? visible(moments.join(', ')) : 'nothing'],
          ['Steps taken', step === undefined ? undefined : formatCount(step)],
          ['Bytes', formatBytes(bytes)],
        ]}
      />
      {groups.length > 0 && (
        <table className={classes.groups}>
          <thead>
            <tr>
              <th scope="col">Group</th>
              <th scope="col">Parameters</th>
              <th scope="col">lr</th>
              <th scope="col">Initial lr</th>
              <th scope="col">Decay</th>
            </tr>
          </thead>
          <tbody>
            {keyed(groups).map(({ key, item: group }) => (
              <tr key={key}>
                <td>{key}</td>
                <td>{formatCount(group.count)}</td>
                <td>{formatNumber(group.lr)}</td>
                <td>{formatNumber(group.initialLr)}</td>
                <td>{formatNumber(group.weightDecay)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {groups[0] && (
        <RawValue label="Hyperparameters" value={groups.length === 1 ? groups[0].hyper : groups.map((g) => g.hyper)} />
      )}
    </Section>
  )
}

function Scheduler({ scheduler }: { scheduler: TrainingState['schedulers'][number] }) {
  const { file, lastEpoch, lastLr, baseLrs, value } = scheduler
  return (
    <Section title="Scheduler" note={<SafeText>{file}</SafeText>}>
      <Facts
        rows={[
          ['Steps counted', lastEpoch === undefined ? undefined : formatCount(lastEpoch)],
          ['Last lr', lastLr.length > 0 ? lastLr.map((lr) => formatNumber(lr)).join(', ') : undefined],
          ['Base lr', baseLrs.length > 0 ? baseLrs.map((lr) => formatNumber(lr)).join(', ') : undefined],
        ]}
      />
      <RawValue label="State" value={value} />
    </Section>
  )
}

function Rng({ rng }: { rng: TrainingState['rng'] }) {
  if (rng.length === 0)
    return <Missing title="Random states" looked="rng_state*.pth, random_states_*.pkl and rng keys of pickled states" />
  return (
    <Section title="Random states">
      <Facts
        rows={rng.map(({ file, rank, generators, malformed }) => [
          visible(rank === undefined ? file : `${file} (rank ${rank})`),
          malformed === undefined ? (
            visible(generators.join(', '))
          ) : (
            <span key={file} className={classes.disagrees}>
              <SafeText>{malformed}</SafeText>
            </span>
          ),
        ])}
      />
    </Section>
  )
}
