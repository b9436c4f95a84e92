import { useMemo, useState } from 'react'
import type { Verdict } from '../../../contract/schemas'
import type { ReadRun } from '../../api/run'
import { visible } from '../../ui/safe-text'
import { VERDICTS } from '../shared/verdict'
import { Chart } from '../training/chart'
import { eventsOf } from '../training/events'
import { lossLines } from '../training/loss'
import { rangeOf } from '../training/range'
import { nonFinite } from '../training/series'
import { Smoothing } from '../training/smoothing'
import { ZoomFrame } from '../training/zoom'
import classes from './run-chart.module.css'
import { heightAt, loggedOf, type RunCheckpoint } from './timeline'

/** The loss of the whole run, with every checkpoint where it was saved. Nothing where no loss was logged. */
export function RunChart({ run }: { run: ReadRun }) {
  const { listed, checkpoints, history } = useMemo(() => written(run), [run])
  const [weight, setWeight] = useState(0)
  const logged = useMemo(() => loggedOf(history, checkpoints), [history, checkpoints])
  const lines = useMemo(() => (logged ? lossLines(logged, weight) : []), [logged, weight])
  const events = useMemo(() => (logged ? eventsOf(logged, ['loss', 'evalLoss']) : []), [logged])
  const marks = useMemo(() => {
    const loss = lines.find(({ key }) => key === 'loss')
    return checkpoints.flatMap((checkpoint) => {
      const { step } = checkpoint
      return step === undefined || !loss ? [] : [{ key: checkpoint.path, x: step, y: heightAt(loss.dots, checkpoint) }]
    })
  }, [checkpoints, lines])
  const byPath = useMemo(() => new Map(checkpoints.map((each) => [each.path, each])), [checkpoints])
  const saves = useMemo(
    () => checkpoints.flatMap(({ step, name }) => (step === undefined ? [] : [{ x: step, name: visible(name) }])),
    [checkpoints],
  )
  const extent = useMemo(
    () =>
      rangeOf([...lines.flatMap(({ dots }) => dots.map(({ x }) => x)), ...listed.flatMap(({ step }) => step ?? [])]),
    [lines, listed],
  )
  if (!logged || !extent || logged.loss.length < 2) return null
  return (
    <ZoomFrame unit="step" extent={extent}>
      <Chart
        title="Loss"
        testId="chart-run"
        lines={lines}
        unit="step"
        marks={marks}
        glyphOf={({ key }) => <Glyph checkpoint={byPath.get(key)} small={marks.length > CROWD} />}
        saves={saves}
        events={events}
        lost={nonFinite(logged.loss)}
        height={210}
        controls={
          <>
            <Legend checkpoints={checkpoints} />
            <Smoothing weight={weight} onChange={setWeight} />
          </>
        }
        brushed
      />
    </ZoomFrame>
  )
}

/** Of several runs the one that was written last: the others have a loss of their own. */
function written(run: ReadRun): Pick<ReadRun, 'listed' | 'checkpoints' | 'history'> {
  const latest = run.checkpoints.toSorted((a, b) => a.modified - b.modified).at(-1)
  const own = <Each extends { readonly run?: string | undefined }>(all: readonly Each[]) =>
    latest ? all.filter((each) => each.run === latest.run) : all
  return { listed: own(run.listed), checkpoints: own(run.checkpoints), history: run.history }
}

/** So many marks of full size would hide the line. */
const CROWD = 60

/** Told apart by shape as well as by colour. */
const SHAPES: Record<Verdict, string> = {
  complete: 'M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0',
  partial: 'M0 -6L6 5H-6Z',
  broken: 'M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5',
}
function Glyph({ checkpoint, small }: { checkpoint: RunCheckpoint | undefined; small: boolean }) {
  if (!checkpoint) return null
  const { verdict } = checkpoint.verification
  return (
    <path
      className={classes.glyph}
      d={SHAPES[verdict]}
      transform={small ? 'scale(0.6)' : undefined}
      data-verdict={verdict}
      data-testid="run-mark"
    >
      <title>{visible(checkpoint.name)}</title>
    </path>
  )
}

function Legend({ checkpoints }: { checkpoints: readonly RunCheckpoint[] }) {
  const present = new Set(checkpoints.map(({ verification }) => verification.verdict))
  return (
    <span className={classes.legend}>
      {[...present].map((verdict) => (
        <span key={verdict}>
          <svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden>
            <path className={classes.glyph} d={SHAPES[verdict]} data-verdict={verdict} />
          </svg>
          {VERDICTS[verdict].word}
        </span>
      ))}
    </span>
  )
}
