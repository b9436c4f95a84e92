import { useQuery } from '@tanstack/react-query'
import type { TensorChange, TensorLook } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { problemOf } from '../../api/problem'
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
  const query = useQuery({
    queryKey: ['preview', ask],
    queryFn: ({ signal }) => client.repairPreview(ask, { signal }),
  })
  const { before, after, from, file } = change
  return (
    <div className={classes.pair} data-testid="before-after">
      <section aria-label="Before">
        <h3>Before</h3>
        <Kept kept={before} />
        <p className={classes.soft}>{before ? <SafeText>{file}</SafeText> : 'It is not there'}</p>
        {query.data && before && <Look look={query.data.before} shape={before.shape} />}
      </section>
      <section aria-label="After">
        <h3>After</h3>
        <Kept kept={after} />
        <p className={classes.soft}>{from ? <SafeText>{evidence}</SafeText> : 'Its own values, in the same order'}</p>
        {query.data && <Look look={query.data.after} shape={after.shape} />}
      </section>
      {query.isPending && <Pending lines={3} label="Reading the values" />}
      {query.error && <ErrorPanel problem={problemOf(query.error)} retry={() => query.refetch()} />}
    </div>
  )
}

function Kept({ kept }: { kept: TensorChange['before'] }) {
  if (!kept) return null
  const { dtype, shape, bytes } = kept
  return (
    <p className={classes.kept}>
      <span>{formatShape(shape)}</span>
      <span>{dtype}</span>
      <span>{formatBytes(bytes)}</span>
    </p>
  )
}

function Look({ look, shape }: { look: TensorLook | null; shape: readonly number[] }) {
  if (!look) return <p className={classes.soft}>No values</p>
  const { statistics: s, histogram, picture } = look
  return (
    <>
      <p className={classes.measures}>
        <span>min {formatValue(s.min)}</span>
        <span>max {formatValue(s.max)}</span>
        <span>mean {formatValue(s.mean)}</span>
        <span>std {formatValue(s.std)}</span>
        {s.nan + s.inf > 0 && <strong>{formatCount(s.nan + s.inf)} NaN or infinite</strong>}
      </p>
      {histogram && histogram.counts.length > 0 && <Histogram histogram={histogram} />}
      {picture && picture.width > 0 && <Picture picture={picture} shape={shape} />}
    </>
  )
}
