import { isFloating, itemSize } from '../../checkpoint/dtype'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { readBlocks } from '../../checkpoint/values'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'
import { isMaskName, isTokenTable } from '../shapes/names'

/** A page of memory or of a file system: what is lost is lost in pages. */
const LEAST_BYTES = 4096
/** Where more than this part of the other values is zero, zeros are nothing unusual: sparse or pruned weights. */
const USUAL_ZEROS = 0.01
/** Whole rows of zeros count only from this part of the matrix on: tokens never seen, units that died. */
const LEAST_PART = 1 / 16

/** A stretch of exact zeros inside a dense matrix: bytes that were reserved and never written. */
export const zeroRun: Rule = {
  ids: ['weights/zero-run'],
  needs: 'values',
  async *check({ checkpoint, values, signal }) {
    for (const tensor of weightsOf(checkpoint)) {
      if (tensor.shape.length < 2 || !isFloating(tensor.dtype) || isMaskName(tensor.name)) continue
      const size = numel(tensor.shape)
      const statistics = await values.statistics(tensor)
      const zeros = statistics?.zeros ?? 0
      if (zeros === size || zeros * itemSize(tensor.dtype) < LEAST_BYTES) continue
      const run = await values.attempt(tensor, () => longestRun(tensor, signal))
      if (run === undefined || !isSuspicious(tensor, run, zeros)) continue
      const bytes = run.length * itemSize(tensor.dtype)
      const row = size / (tensor.shape[0] as number)
      const rows = `rows ${Math.floor(run.start / row)} to ${Math.ceil((run.start + run.length) / row) - 1}`
      yield finding(
        'weights/zero-run',
        tensor.name,
        `${tensor.name} holds ${run.length} zeros in a row (${bytes} bytes, ${rows})`,
        {
          evidence: { file: tensor.file, start: run.start, length: run.length, bytes },
          repair: 'Take the tensor from another copy or an earlier checkpoint',
        },
      )
    }
  },
}

interface Run {
  /** Index of the first zero in row-major order. */
  readonly start: number
  readonly length: number
}

function isSuspicious(tensor: Tensor, run: Run, zeros: number): boolean {
  const size = numel(tensor.shape)
  const row = size / (tensor.shape[0] as number)
  if (run.length * itemSize(tensor.dtype) < LEAST_BYTES) return false
  if (zeros - run.length > USUAL_ZEROS * (size - run.length)) return false
  const end = run.start + run.length
  const wholeRows = run.start % row === 0 && end % row === 0
  // A vocabulary is padded at its end, positions beyond the longest text were never trained.
  if (wholeRows && end === size && isTokenTable(tensor.name)) return false
  return !wholeRows || run.length >= LEAST_PART * size
}

/** The longest stretch of zero elements (+0 and -0) in row-major order. */
async function longestRun(tensor: Tensor, signal: AbortSignal | undefined): Promise<Run> {
  const item = itemSize(tensor.dtype)
  let index = 0
  let start = 0
  let best: Run = { start: 0, length: 0 }
  for await (const block of readBlocks(tensor, { ...(signal && { signal }) })) {
    for (let at = 0; at < block.length; at += item, index++) {
      if (isZero(block, at, item)) {
        if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
      } else start = index + 1
    }
  }
  return best
}

/** Whether a little-endian floating-point element is zero: no bit set but, maybe, the sign. */
function isZero(bytes: Uint8Array, at: number, item: number): boolean {
  const last = at + item - 1
  if (((bytes[last] as number) & 0x7f) !== 0) return false
  for (let i = at; i < last; i++) if (bytes[i] !== 0) return false
  return true
}
