import type { TensorFlag } from '../../../contract/schemas'
import { Tag, type Tone } from '../../ui/tag'

const FLAGS: Record<TensorFlag, { tone: Tone; means: string }> = {
  flattened: { tone: 'bad', means: 'Saved one-dimensional; the shape can be restored' },
  'rank-shard': { tone: 'bad', means: "Holds one rank's part of the values only" },
  placeholder: { tone: 'bad', means: 'Saved without its values' },
  truncated: { tone: 'bad', means: 'The file ends before its values do' },
  'no-values': { tone: 'bad', means: 'There are no values for it anywhere' },
  'non-finite': { tone: 'bad', means: 'Some values are NaN or infinite' },
  'wrapper-prefix': { tone: 'warn', means: 'The name carries the prefix of a wrapper' },
  empty: { tone: 'warn', means: 'A dimension is zero' },
  tied: { tone: 'neutral', means: 'Shares its values with another tensor' },
  view: { tone: 'neutral', means: 'A strided view into a larger storage' },
  frozen: { tone: 'neutral', means: 'Was not trained' },
  sparse: { tone: 'neutral', means: 'Stored sparse; shape and values are those of its dense form' },
  quantized: { tone: 'neutral', means: 'Quantized; the values are the stored integers' },
}

export function FlagTag({ flag }: { flag: TensorFlag }) {
  const { tone, means } = FLAGS[flag]
  return (
    <Tag tone={tone} title={means} data-testid="tensor-flag" data-flag={flag}>
      {flag}
    </Tag>
  )
}

/** The gravest flag in full, and how many there are beside it: a cell of a table holds no more. */
export function FlagTags({ flags }: { flags: readonly TensorFlag[] }) {
  const [first, ...others] = flags.toSorted((a, b) => GRAVITY.indexOf(FLAGS[a].tone) - GRAVITY.indexOf(FLAGS[b].tone))
  if (!first) return null
  return (
    <>
      <FlagTag flag={first} />
      {others.length > 0 && (
        <Tag title={others.map((flag) => `${flag}: ${FLAGS[flag].means}`).join('\n')} data-testid="more-flags">
          +{others.length}
        </Tag>
      )}
    </>
  )
}

const GRAVITY: readonly Tone[] = ['bad', 'warn', 'neutral']
