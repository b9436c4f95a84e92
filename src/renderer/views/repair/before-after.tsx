import type { z } from 'zod'
import type { TensorChange, TensorLook, tensorPreview } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { useJobQuery } from '../../api/job-query'
import { AnswerProgress } from '../../ui/answer-progress'
import { ErrorPanel } from '../../ui/error-panel'
import { formatBytes, formatCount, formatShape, formatValue } from '../../ui/format'
import { Pending } from '../../ui/pending'
import { SafeText } from '../../ui/safe-text'
import { Histogram } from '../tensors/histogram'
import { Picture } from '../tensors/picture'
import classes from './step-tensors.module.css'
import type { PlanInput } from './use-plan'

interface BeforeAfterProps {
  change: TensorChange
  /** Why the values that are not its own are to be trusted. */
  evidence: string
  /** What the engine is asked for: a tensor of a step of this plan. */
  ask: PlanInput & { readonly step: number; readonly tensor: number }
}

/** One tensor as it is and as it would be: how it is kept, where its values come from, what they look like. */
export function BeforeAfter({ change, evidence, ask }: BeforeAfterProps) {
  const { client } = useApi()
  const {
    data,
    stale: _,
    problem,
    ...answer
  } = useJobQuery<z.infer<typeof tensorPreview>>({
    queryKey: ['preview', ask],
    title: 'Reading the values',
    open: (signal) => client.repairPreview(ask, { signal }),
  })
  const { before, after, from, file } = change
  return (
    <div className={classes.pair} data-testid="before-after">
      <section aria-label="Before">
        <h3>Before</h3>
        <Kept kept={before} look={data?.before} />
        {data && before && <Look look={data.before} shape={before.shape} beside={data.after} />}
        <p className={classes.soft}>{before ? <SafeText>{`In ${file}`}</SafeText> : 'It is not there'}</p>
      </section>
      <section aria-label="After">
        <h3>After</h3>
        <Kept kept={after} look={data?.after} />
        {data && <Look look={data.after} shape={after.shape} beside={data.before} />}
        <p className={classes.soft}>{from ? <SafeText>{evidence}</SafeText> : 'Its own values, in the same order'}</p>
      </section>
      {data?.before?.histogram && data.after?.histogram && (
        <p className={classes.soft}>
          Both are drawn on the same scales: a bar or a colour means the same on either side.
        </p>
      )}
      {!data && !problem && !answer.cancelled && <Pending lines={3} label="Reading the values" />}
      <AnswerProgress {...answer} missing="the values were not read." again="Read them" testId="before-after" />
      {problem && <ErrorPanel problem={problem} retry={answer.retry} />}
    </div>
  )
}

function Kept({ kept, look }: { kept: TensorChange['before']; look: TensorLook | null | undefined }) {
  if (!kept) return null
  const { dtype, shape, bytes } = kept
  const wrong = look ? look.statistics.nan + look.statistics.inf : 0
  return (
    <p className={classes.kept}>
      <span>{formatShape(shape)}</span>
      <span>{dtype}</span>
      <span>{formatBytes(bytes)}</span>
      {wrong > 0 && <strong>{formatCount(wrong)} NaN or infinite</strong>}
    </p>
  )
}

interface LookProps {
  look: TensorLook | null
  shape: readonly number[]
  /** That of the other side, drawn on the same scales. */
  beside: TensorLook | null
}

function Look({ look, shape, beside }: LookProps) {
  if (!look || look.statistics.count === 0) return <p className={classes.soft}>No values</p>
  const { statistics: s, histogram, picture } = look
  const full = Math.max(1, ...(histogram?.counts ?? []), ...(beside?.histogram?.counts ?? []))
  return (
    <>
      <p className={classes.measures}>
        <span>min {formatValue(s.min)}</span>
        <span>max {formatValue(s.max)}</span>
        <span>mean {formatValue(s.mean)}</span>
        <span>std {formatValue(s.std)}</span>
      </p>
      {histogram && histogram.counts.length > 0 && <Histogram histogram={histogram} full={full} />}
      {picture && picture.width > 0 && <Picture picture={picture} shape={shape} beside={beside?.picture} />}
    </>
  )
}
