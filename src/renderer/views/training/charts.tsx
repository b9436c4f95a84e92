import { Slider, Switch } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { History } from '../../../contract/schemas'
import { formatCount, formatValue } from '../../ui/format'
import { visible } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import { Chart } from './chart'
import { dotsOf, type Line, nonFinite, smooth } from './series'
import classes from './training-view.module.css'

/** Loss above, everything else that was logged below it, all on one pointer. */
export function Charts({ history }: { history: History }) {
  const { verification } = useCheckpoint()
  const stepMarker = verification.step
  const lossMarker = history.lossUnit === 'epoch' ? verification.epoch : stepMarker
  return (
    <div className={classes.charts}>
      {history.loss.length + history.evalLoss.length > 0 && <LossChart history={history} marker={lossMarker} />}
      <div className={classes.small}>
        {(history.learningRate.length > 0 || history.schedule) && (
          <LearningRateChart history={history} marker={stepMarker} />
        )}
        {Object.entries(history.metrics).map(([name, points], i) => (
          <MetricChart key={name} name={name} points={points} colour={i % 2 === 0 ? 4 : 1} marker={stepMarker} />
        ))}
      </div>
    </div>
  )
}

function LossChart({ history, marker }: { history: History; marker: number | undefined }) {
  const [weight, setWeight] = useState(0)
  const [log, setLog] = useState(false)
  const { loss, evalLoss, lossUnit, jumps } = history
  const lines = useMemo(() => {
    const raw = dotsOf(loss)
    const few = raw.length < 60
    const all: Line[] = []
    if (raw.length > 0 && weight > 0) {
      all.push({ key: 'raw', name: 'Loss as logged', dots: raw, colour: 1, style: 'faint' })
      all.push({ key: 'loss', name: 'Loss, smoothed', dots: smooth(raw, weight), colour: 1 })
    } else if (raw.length > 0)
      all.push({ key: 'loss', name: 'Loss', dots: raw, colour: 1, marked: few && raw.length < 12 })
    if (evalLoss.length > 0) {
      all.push({ key: 'eval', name: 'Eval loss', dots: dotsOf(evalLoss), colour: 2, marked: true })
    }
    return all
  }, [loss, evalLoss, weight])
  const lost = useMemo(() => [...nonFinite(loss), ...nonFinite(evalLoss)], [loss, evalLoss])
  const lossJumps = jumps.filter((jump) => jump.series.toLowerCase().includes('loss'))
  return (
    <div>
      <Chart
        title="Loss"
        testId="chart-loss"
        lines={lines}
        unit={lossUnit}
        marker={marker}
        lost={lost}
        log={log}
        height={250}
        controls={
          <>
            <span className={classes.control}>
              Smoothing
              <Slider
                value={weight}
                onChange={setWeight}
                min={0}
                max={0.99}
                step={0.01}
                w={110}
                size={3}
                label={(value) => value.toFixed(2)}
                thumbLabel="Smoothing"
              />
            </span>
            <Switch label="Log" checked={log} onChange={(event) => setLog(event.currentTarget.checked)} />
          </>
        }
      />
      <Jumps jumps={lossJumps} />
    </div>
  )
}

function LearningRateChart({ history, marker }: { history: History; marker: number | undefined }) {
  const { learningRate, schedule, jumps } = history
  const lines = useMemo(() => {
    const all: Line[] = []
    if (learningRate.length > 0) all.push({ key: 'lr', name: 'Logged', dots: dotsOf(learningRate), colour: 3 })
    if (schedule && schedule.points.length > 0) {
      all.push({
        key: 'redrawn',
        name: `Redrawn (${visible(schedule.kind)})`,
        dots: dotsOf(schedule.points),
        colour: 3,
        style: 'dashed',
      })
    }
    if (schedule && schedule.projected.length > 0) {
      all.push({ key: 'projected', name: 'To come', dots: dotsOf(schedule.projected), colour: 3, style: 'dotted' })
    }
    return all
  }, [learningRate, schedule])
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
      <Jumps jumps={jumps.filter((jump) => !jump.series.toLowerCase().includes('loss'))} />
    </div>
  )
}

interface MetricChartProps {
  name: string
  points: History['loss']
  colour: Line['colour']
  marker: number | undefined
}

function MetricChart({ name, points, colour, marker }: MetricChartProps) {
  const title = visible(name)
  const lines = useMemo(
    (): Line[] => [{ key: 'metric', name: title, dots: dotsOf(points), colour, marked: points.length < 12 }],
    [title, points, colour],
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

function Jumps({ jumps }: { jumps: History['jumps'] }) {
  if (jumps.length === 0) return null
  return (
    <p className={classes.jumps}>
      {jumps.slice(0, 4).map(({ series, step, from, to }) => (
        <span key={`${series} ${step}`}>
          Jump at {formatCount(step)}: {formatValue(from)} → {formatValue(to)}
        </span>
      ))}
      {jumps.length > 4 && <span>and {formatCount(jumps.length - 4)} more</span>}
    </p>
  )
}
