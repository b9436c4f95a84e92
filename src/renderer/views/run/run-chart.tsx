import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { OpenedRun } from '../../../contract/contract'
import type { Verdict } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { visible } from '../../ui/safe-text'
import { VERDICTS } from '../shared/verdict'
import { Chart } from '../training/chart'
import { nonFinite } from '../training/series'
import classes from './run-chart.module.css'
import { heightAt, lossLines, type RunCheckpoint } from './timeline'

/** The loss of the whole run, with every checkpoint where it was saved. Nothing where no loss was logged. */
export function RunChart({ run }: { run: OpenedRun }) {
  const { client } = useApi()
  const { path, checkpoints } = run
  const newest = Math.max(...checkpoints.map(({ modified }) => modified))
  const { data: history } = useQuery({
    queryKey: ['run-history', path, newest, checkpoints.length],
    queryFn: ({ signal }) => client.history({ path }, { signal }),
  })
  const lines = useMemo(() => lossLines(history, checkpoints), [history, checkpoints])
  const [loss] = lines
  const marks = useMemo(
    () =>
      checkpoints.flatMap((checkpoint) => {
        const { step } = checkpoint
        return step === undefined || !loss
          ? []
          : [{ key: checkpoint.path, x: step, y: heightAt(loss.dots, checkpoint) }]
      }),
    [checkpoints, loss],
  )
  if (!loss || loss.dots.length < 2) return null
  return (
    <Chart
      title="Loss"
      testId="chart-run"
      lines={lines}
      unit="step"
      marks={marks}
      glyphOf={({ key }) => <Glyph checkpoint={checkpoints.find((each) => each.path === key)} />}
      lost={history ? nonFinite(history.loss) : []}
      height={200}
      controls={<Legend checkpoints={checkpoints} />}
    />
  )
}

/** Told apart by shape as well as by colour. */
const SHAPES: Record<Verdict, string> = {
  complete: 'M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0',
  partial: 'M0 -6L6 5H-6Z',
  broken: 'M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5',
}

function Glyph({ checkpoint }: { checkpoint: RunCheckpoint | undefined }) {
  if (!checkpoint) return null
  const { verdict } = checkpoint.verification
  return (
    <path className={classes.glyph} d={SHAPES[verdict]} data-verdict={verdict} data-testid="run-mark">
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
