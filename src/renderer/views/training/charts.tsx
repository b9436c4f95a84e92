import { useMemo, useState } from 'react'
import type { History } from '../../../contract/schemas'
import { visible } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import { Chart } from './chart'
import { eventsOf } from './events'
import { abandonedLines, lossLines, seriesLines } from './loss'
import { type Range, rangeOf } from './range'
import { dotsOf, type Line, nonFinite } from './series'
import { Smoothing } from './smoothing'
import classes from './training-view.module.css'
import { ZoomFrame } from './zoom'

/** Loss above, everything else that was logged below it, all on one pointer and one stretch. */
export function Charts({ history }: { history: History }) {
  const { verification } = useCheckpoint()
  const [weight, setWeight] = useState(0)
  const step = verification.step
  const extent = useMemo(() => extentOf(history), [history])
  return (
    <ZoomFrame unit={history.lossUnit} extent={extent}>
      <div className={classes.charts}>
        {history.loss.length + history.evalLoss.length > 0 && (
          <LossChart
            history={history}
            marker={history.lossUnit === 'epoch' ? verification.epoch : step}
            weight={weight}
            onWeight={setWeight}
          />
        )}
        <div className={classes.small}>
          {(history.learningRate.length > 0 || history.schedule) && (
            <LearningRateChart history={history} marker={step} />
          )}
          {Object.keys(history.metrics).map((name, i) => (
            <MetricChart
              key={name}
              name={name}
              history={history}
              colour={i % 2 === 0 ? 4 : 1}
              marker={step}
              weight={weight}
            />
          ))}
        </div>
      </div>
    </ZoomFrame>
  )
}

/** All of the loss; what goes beyond it is seen while nothing is zoomed. */
function extentOf({ lossUnit, loss, evalLoss, learningRate, abandoned }: History): Range {
  const points = [...loss, ...evalLoss, ...abandoned.flatMap((stretch) => stretch.points)]
  return rangeOf((points.length > 0 || lossUnit === 'epoch' ? points : learningRate).map(({ step }) => step)) ?? [0, 1]
}

/** The checkpoints of the run by their steps. */
function useSaves() {
  const { siblings } = useCheckpoint()
  return useMemo(
    () => siblings.flatMap(({ step, name }) => (step === undefined ? [] : [{ x: step, name: visible(name) }])),
    [siblings],
  )
}

interface LossChartProps {
  history: History
  marker: number | undefined
  weight: number
  onWeight: (weight: number) => void
}

function LossChart({ history, marker, weight, onWeight }: LossChartProps) {
  const { loss, evalLoss, lossUnit } = history
  const saves = useSaves()
  return (
    <Chart
      title="Loss"
      testId="chart-loss"
      lines={useMemo(() => lossLines(history, weight), [history, weight])}
      unit={lossUnit}
      marker={marker}
      saves={lossUnit === 'step' ? saves : []}
      events={useMemo(() => eventsOf(history, ['loss', 'evalLoss']), [history])}
      lost={useMemo(() => [...nonFinite(loss), ...nonFinite(evalLoss)], [loss, evalLoss])}
      height={260}
      controls={<Smoothing weight={weight} onChange={onWeight} />}
      brushed
    />
  )
}

function LearningRateChart({ history, marker }: { history: History; marker: number | undefined }) {
  const { learningRate, schedule } = history
  const lines = useMemo(() => {
    const all = abandonedLines(history, 'learningRate', 3)
    if (learningRate.length > 0) all.push({ key: 'lr', name: 'Logged', dots: dotsOf(learningRate), colour: 3 })
    if (schedule && schedule.points.length > 0) {
      all.push({
        key: 'redrawn',
        name: `Redrawn (${visible(schedule.kind)})`,
        dots: dotsOf(schedule.points),
        colour: 2,
        style: 'dashed',
      })
    }
    if (schedule && schedule.projected.length > 0) {
      all.push({ key: 'projected', name: 'To come', dots: dotsOf(schedule.projected), colour: 2, style: 'dotted' })
    }
    return all
  }, [history, learningRate, schedule])
  return (
    <div>
      <Chart
        title="Learning rate"
        testId="chart-lr"
        lines={lines}
        unit="step"
        marker={marker}
        lost={useMemo(() => nonFinite(learningRate), [learningRate])}
      />
      <ScheduleNote history={history} />
    </div>
  )
}

/** What the redrawn schedule rests on, and whether the logged rates are what it gives. */
function ScheduleNote({ history: { schedule, scheduleNote } }: { history: History }) {
  if (!schedule) return scheduleNote === undefined ? null : <p className={classes.subtle}>{visible(scheduleNote)}</p>
  const { compared, differing, first } = schedule.logged
  return (
    <p className={classes.subtle}>
      {BASIS[schedule.basis]}
      {compared > 0 && differing === 0 && ` All ${compared} logged rates are what it gives.`}
      {first && ` ${differing} of ${compared} logged rates are not what it gives, from step ${first.step} on.`}
    </p>
  )
}

const BASIS = {
  state: "Redrawn from the scheduler's own state.",
  arguments: 'Redrawn from the training arguments: the scheduler does not save its shape.',
  fitted: 'Fitted to the logged rates: a guess.',
} as const

interface MetricChartProps {
  name: string
  history: History
  colour: Line['colour']
  marker: number | undefined
  weight: number
}

function MetricChart({ name, history, colour, marker, weight }: MetricChartProps) {
  const title = visible(name)
  const points = useMemo(() => history.metrics[name] ?? [], [history, name])
  const lines = useMemo(
    () => [
      ...abandonedLines(history, name, colour),
      ...seriesLines({ key: 'metric', name: title, colour }, points, weight),
    ],
    [history, name, title, points, colour, weight],
  )
  return (
    <Chart
      title={title}
      testId="chart-metric"
      lines={lines}
      unit="step"
      marker={marker}
      lost={useMemo(() => nonFinite(points), [points])}
    />
  )
}
