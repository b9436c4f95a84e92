import { useQuery } from '@tanstack/react-query'
import { type DiffRow, differenceOf, type Sides } from '../../api/compare'
import { useApi } from '../../api/context'
import { problemOf } from '../../api/problem'
import { ErrorPanel } from '../../ui/error-panel'
import { Facts } from '../../ui/facts'
import { formatCount, formatPercent, formatValue } from '../../ui/format'
import { Pending } from '../../ui/pending'
import { SafeText } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import { Tag } from '../../ui/tag'
import { TensorArticle } from '../shared/tensor-article'
import { Histogram } from '../tensors/histogram'
import { Picture } from '../tensors/picture'
import classes from './difference-pane.module.css'
import { dtypesText, STATUS, shapesText } from './status'

interface DifferencePaneProps {
  row: DiffRow
  sides: Sides
  onClose: () => void
}

/** One tensor of the comparison: how much of it changed, by how much, and where. */
export function DifferencePane({ row, sides, onClose }: DifferencePaneProps) {
  const { client } = useApi()
  const { id, path, swapped } = sides
  const isMeasured = row.changed !== null && row.changed > 0
  const query = useQuery({
    queryKey: ['difference', id, path, swapped, row.name],
    queryFn: ({ signal }) => differenceOf(client, sides, row, signal),
    enabled: isMeasured,
  })
  const { word, tone } = STATUS[row.status]
  const { statistics, histogram, picture } = query.data ?? {}
  return (
    <TensorArticle
      name={row.name}
      testId="difference"
      onClose={onClose}
      kind={
        <>
          <Tag tone={tone}>{word}</Tag>
          {shapesText(row)} {dtypesText(row)}
        </>
      }
    >
      {row.note !== undefined && (
        <p className={classes.note}>
          <SafeText>{row.note}</SafeText>
        </p>
      )}
      <Facts rows={factsOf(row)} />
      {isMeasured && query.isPending && <Pending lines={5} label="Measuring the difference" />}
      {query.error && <ErrorPanel problem={problemOf(query.error)} retry={() => query.refetch()} />}
      {histogram && histogram.counts.length > 0 && (
        <Section title="Differences, right minus left">
          <Histogram histogram={histogram} />
        </Section>
      )}
      {picture && picture.width > 0 && (
        <Section title="Where" note="mean difference">
          <Picture picture={picture} shape={drawnShape(row)} />
        </Section>
      )}
      {statistics && statistics.nan + statistics.inf > 0 && (
        <p className={classes.note}>{formatCount(statistics.nan + statistics.inf)} differences are no number.</p>
      )}
    </TensorArticle>
  )
}

/** As the engine draws it: a flattened tensor in the dimensions of the other side. */
function drawnShape({ shapeA = [], shapeB = [], reading }: DiffRow): readonly number[] {
  return reading === 'transposed' || shapeB.length > shapeA.length ? shapeB : shapeA
}

function factsOf(row: DiffRow) {
  const { count, changed, becameNan = 0, wasNan = 0 } = row
  const told = (value: DiffRow['maxAbs']) => (value === null ? undefined : formatValue(value, 6))
  return [
    ['On the right', row.nameB === undefined ? undefined : <SafeText key="nameB">{row.nameB}</SafeText>],
    [
      'Values changed',
      changed === null || count === undefined
        ? undefined
        : `${formatCount(changed)} of ${formatCount(count)}, ${formatPercent(changed, count)}`,
    ],
    ['Kind of change', row.anatomy],
    ['Read', row.reading && (row.reading === 'flat' ? 'value after value, shapes aside' : 'the left one by columns')],
    ['Largest', told(row.maxAbs)],
    ['Mean', told(row.meanAbs)],
    ['RMS', told(row.rms)],
    ['Relative L2', told(row.relL2)],
    ['Cosine', row.cosine === null ? undefined : formatValue(row.cosine, 9)],
    ['Largest, in representable values', row.maxUlp === undefined ? undefined : formatValue(row.maxUlp, 6)],
    ['Became NaN', becameNan > 0 ? formatCount(becameNan) : undefined],
    ['NaN on the left only', wasNan > 0 ? formatCount(wasNan) : undefined],
  ] as const
}
