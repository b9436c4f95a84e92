import type { Comparison } from '../analysis/kernel'
import { byteLength, sameShape, type Tensor } from '../checkpoint/tensor'
import { isLocal } from '../errors'
import type { Match, Pair } from './align'
import { type CompareOptions, compareTensors } from './compare'
import { comparable, type Reading, readAs } from './reshaped'

/**
 * `dtype`: the shapes agree and the dtypes do not; the values are compared all the same. `unread`: shapes and dtypes agree and the
 * values of a side cannot be read, so that nobody knows whether they changed.
 */
export type DiffStatus = 'same' | 'changed' | 'unread' | 'onlyA' | 'onlyB' | 'shape' | 'dtype'

/** One tensor name. Measures are of b against a, null where the values were not compared; NaN and infinities occur. */
export interface DiffRow {
  readonly name: string
  readonly status: DiffStatus
  readonly shapeA?: readonly number[]
  readonly shapeB?: readonly number[]
  readonly dtypeA?: string
  readonly dtypeB?: string
  /** What B calls it, where that is another name, and how the two were found to be one. */
  readonly nameB?: string
  readonly match?: Match
  /** Set where the shapes differ and the values are alike all the same: how those of A were read to find it. */
  readonly reading?: Reading
  readonly count?: number
  readonly changed: number | null
  readonly maxAbs: number | null
  readonly meanAbs: number | null
  readonly rms: number | null
  readonly relL2: number | null
  readonly cosine: number | null
  /** How the values differ: not at all, at most one in ten, or more. */
  readonly anatomy?: 'unchanged' | 'sparse' | 'dense'
  readonly becameNan?: number
  readonly wasNan?: number
  readonly beyond?: number
  readonly maxUlp?: number
  /** Why the values could not be compared, where they should have been. */
  readonly note?: string
}

/** Values that changed, at most, of those of a tensor whose difference is sparse. */
const SPARSE = 0.1

/** Cosine from which on the values of two shapes are one tensor's, laid out in two ways. By chance it is near 0. */
const ALIKE = 0.5

const NOT_COMPARED = { changed: null, maxAbs: null, meanAbs: null, rms: null, relL2: null, cosine: null }

/**
 * Compares one pair. `onBytes` hears how many bytes of both were compared. What cannot be read is `unread` with a note; `cancelled`
 * and `file/changed` are thrown.
 */
export async function rowOf(pair: Pair, options: CompareOptions, onBytes: (bytes: number) => void): Promise<DiffRow> {
  const { a, b, match } = pair
  if (!b) return { ...headOf(pair), status: 'onlyA', ...NOT_COMPARED }
  if (!a) return { ...headOf(pair), status: 'onlyB', ...NOT_COMPARED }
  if (!sameShape(a.shape, b.shape)) return reshapedRow(pair, a, b, options, onBytes)
  const status = a.dtype === b.dtype ? undefined : 'dtype'
  if (status && !comparable(a, b)) {
    return {
      ...headOf(pair),
      status,
      ...NOT_COMPARED,
      note: `Values of ${a.dtype} are two a byte, those of ${b.dtype} are not`,
    }
  }
  try {
    const measured = await compareTensors(a, b, options, onBytes)
    return measuredRow(pair.name, a, b, match, status ?? (differs(measured) ? 'changed' : 'same'), measured)
  } catch (error) {
    if (!isLocal(error)) throw error
    return { ...headOf(pair), status: status ?? 'unread', ...NOT_COMPARED, note: error.message }
  }
}

/** Of another shape, and yet measured where the values turn out to be the same ones: flattened, transposed, and trained further perhaps. */
async function reshapedRow(
  pair: Pair,
  a: Tensor,
  b: Tensor,
  options: CompareOptions,
  onBytes: (bytes: number) => void,
): Promise<DiffRow> {
  const none: DiffRow = { ...headOf(pair), status: 'shape', ...NOT_COMPARED }
  const read = readAs(a, b)
  if (!read) return none
  try {
    const measured = await compareTensors(read.tensor, b, options, onBytes)
    if (differs(measured) && !((measured.cosine ?? 0) > ALIKE)) return none
    return { ...measuredRow(pair.name, a, b, pair.match, 'shape', measured), reading: read.reading }
  } catch (error) {
    if (!isLocal(error)) throw error
    return { ...none, note: error.message }
  }
}

function headOf({ name, a, b, match }: Pair) {
  return {
    name,
    ...(a && { shapeA: a.shape, dtypeA: a.dtype }),
    ...(b && { shapeB: b.shape, dtypeB: b.dtype }),
    ...(a && b && match && { nameB: b.name, match }),
  }
}

function differs({ changed, beyond }: Comparison): boolean {
  return (beyond ?? changed) > 0
}

/**
 * Named one by one: an object put together out of others costs more than to compare a small tensor, and more again each time that one
 * of its fields is asked for.
 */
function measuredRow(
  name: string,
  a: Tensor,
  b: Tensor,
  match: Match | undefined,
  status: DiffStatus,
  { count, changed, maxAbs, meanAbs, rms, relL2, cosine, becameNan, wasNan, beyond, maxUlp }: Comparison,
): DiffRow {
  const row: { -readonly [Field in keyof DiffRow]: DiffRow[Field] } = {
    name,
    status,
    shapeA: a.shape,
    shapeB: b.shape,
    dtypeA: a.dtype,
    dtypeB: b.dtype,
    count,
    changed,
    maxAbs,
    meanAbs,
    rms,
    relL2,
    cosine,
    anatomy: changed === 0 ? 'unchanged' : changed <= count * SPARSE ? 'sparse' : 'dense',
    becameNan,
    wasNan,
  }
  if (match) {
    row.nameB = b.name
    row.match = match
  }
  if (beyond !== null) row.beyond = beyond
  if (maxUlp !== null) row.maxUlp = maxUlp
  return row
}

/** Bytes that comparing the pair reads. */
export function bytesOf({ a, b }: Pair): number {
  if (!a || !b || (sameShape(a.shape, b.shape) ? !comparable(a, b) : !readAs(a, b))) return 0
  return byteLength(a) + byteLength(b)
}
