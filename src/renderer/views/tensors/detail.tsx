import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconBrandPython, IconCopy } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { TensorDetail, TensorRow } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { problemOf } from '../../api/problem'
import { useKeepStatistics } from '../../api/statistics'
import { ErrorPanel } from '../../ui/error-panel'
import { Facts } from '../../ui/facts'
import { formatBytes, formatCount, formatPercent, formatShape, formatValue } from '../../ui/format'
import { Pending } from '../../ui/pending'
import { SafeText } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import { useCheckpoint, useWorkspace } from '../../workspace/hooks'
import { FlagTag } from '../shared/flag-tag'
import { TensorArticle } from '../shared/tensor-article'
import classes from './detail.module.css'
import { Exponents } from './exponents'
import { FirstValues } from './first-values'
import { Histogram } from './histogram'
import { Picture } from './picture'
import { asPython } from './python'

/** One tensor: its numbers, its pictures, where its bytes are. */
export function Detail({ row }: { row: TensorRow }) {
  const checkpoint = useCheckpoint()
  const workspace = useWorkspace()
  const { client } = useApi()
  const keep = useKeepStatistics(checkpoint.id)
  const query = useQuery({
    queryKey: ['tensor', checkpoint.id, row.index],
    queryFn: ({ signal }) => client.tensor({ id: checkpoint.id, index: row.index }, { signal }),
  })
  const detail = query.data
  useEffect(() => {
    if (detail) keep(detail.row.index, detail.statistics)
  }, [detail, keep])
  return (
    <TensorArticle
      name={row.name}
      testId="tensor-detail"
      onClose={() => workspace.choose(null)}
      kind={
        <>
          <span data-testid="tensor-shape">{formatShape(row.shape)}</span>
          <span>{row.dtype}</span>
          <span>{formatBytes(row.bytes)}</span>
          {row.flags.map((flag) => (
            <FlagTag key={flag} flag={flag} />
          ))}
        </>
      }
    >
      <Copies row={row} />
      {query.isPending && <Pending lines={6} label="Reading the tensor" />}
      {query.error && <ErrorPanel problem={problemOf(query.error)} retry={() => query.refetch()} />}
      {detail && <Body detail={detail} />}
    </TensorArticle>
  )
}

function Copies({ row }: { row: TensorRow }) {
  const checkpoint = useCheckpoint()
  const name = useClipboard()
  const python = useClipboard()
  return (
    <div className={classes.copies}>
      <Button
        size="compact-xs"
        variant="default"
        leftSection={<IconCopy size={13} aria-hidden />}
        onClick={() => name.copy(row.name)}
      >
        {name.copied ? 'Copied' : 'Copy name'}
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        leftSection={<IconBrandPython size={13} aria-hidden />}
        onClick={() => python.copy(asPython(checkpoint, row))}
      >
        {python.copied ? 'Copied' : 'Copy as Python'}
      </Button>
    </div>
  )
}

function Body({ detail }: { detail: TensorDetail }) {
  const { row, statistics: s, histogram, picture, head, storage, strides, offset, sharedWith } = detail
  return (
    <>
      <Section title="Statistics">
        <dl className={classes.measures}>
          <Measure name="min" value={formatValue(s.min)} />
          <Measure name="max" value={formatValue(s.max)} />
          <Measure name="mean" value={formatValue(s.mean)} />
          <Measure name="std" value={formatValue(s.std)} />
          <Measure name="L2" value={formatValue(s.l2)} />
          <Measure name="count" value={formatCount(s.count)} />
          <Measure name="zeros" value={formatCount(s.zeros)} note={formatPercent(s.zeros, s.count)} />
          <Measure name="NaN" value={formatCount(s.nan)} bad={s.nan > 0} />
          <Measure name="Inf" value={formatCount(s.inf)} bad={s.inf > 0} />
        </dl>
      </Section>
      {histogram && histogram.counts.length > 0 && (
        <Section title="Histogram">
          <Histogram histogram={histogram} />
        </Section>
      )}
      {s.exponents && (
        <Section title="Exponents">
          <Exponents dtype={row.dtype} statistics={s} exponents={s.exponents} />
        </Section>
      )}
      {picture && picture.width > 0 && (
        <Section title="Picture">
          <Picture picture={picture} shape={row.shape} />
        </Section>
      )}
      <Section title="First values">
        <FirstValues values={head} />
      </Section>
      <Section title="Storage">
        <Facts
          rows={[
            ['File', <SafeText key="file">{row.file}</SafeText>],
            ['Component', row.component],
            ['Strides', strides && (strides.join(', ') || 'none')],
            ['Offset', offset === undefined ? undefined : formatCount(offset)],
            ['Storage', storage && <SafeText key="storage">{storage.key}</SafeText>],
            ['Storage size', storage && formatBytes(storage.byteLength)],
          ]}
        />
        {sharedWith.length > 0 && (
          <div className={classes.shared}>
            <p>Shares its values with</p>
            <ul>
              {sharedWith.map((name) => (
                <li key={name}>
                  <SafeText>{name}</SafeText>
                </li>
              ))}
            </ul>
          </div>
        )}
      </Section>
    </>
  )
}

function Measure({ name, value, note, bad }: { name: string; value: string; note?: string; bad?: boolean }) {
  return (
    <div data-bad={bad} data-testid={`measure-${name}`}>
      <dt>{name}</dt>
      <dd>
        {value} {note && <span>{note}</span>}
      </dd>
    </div>
  )
}
