import { type DType, isComplex } from '../checkpoint/dtype'
import { numel } from '../checkpoint/tensor'
import { decodeValues, valuesPerElement } from './decode-values'
import type { Accumulator } from './kernel'

export interface Picture {
  /** Cells across the last dimension. */
  readonly width: number
  /** Cells down the other dimensions, folded into rows. */
  readonly height: number
  /** Mean of the values under each cell, row by row; null where one of them is NaN or infinite. */
  readonly values: readonly (number | null)[]
}

/**
 * A small picture of a tensor: the last dimension across, all others down, each cell the mean of the values it covers, and no
 * more than `side` cells either way. Feed it all blocks of the tensor in order. Undefined for complex numbers, which have no
 * order to colour by, and for tensors without elements.
 */
export function picture(dtype: DType, shape: readonly number[], side: number): Accumulator<Picture> | undefined {
  if (isComplex(dtype) || shape.includes(0)) return undefined
  const columns = (shape.at(-1) ?? 1) * valuesPerElement(dtype)
  const rows = numel(shape.slice(0, -1))
  const width = Math.min(columns, side)
  const height = Math.min(rows, side)
  const sums = new Float64Array(width * height)
  let row = 0
  let column = 0
  let decoded: Float64Array | undefined

  return {
    update(block) {
      const values = decodeValues(dtype, block, decoded)
      decoded ??= values
      let at = 0
      while (at < values.length) {
        const across = Math.floor((column * width) / columns)
        const cell = Math.floor((row * height) / rows) * width + across
        const run = Math.min(edge(across + 1, width, columns) - column, values.length - at)
        let sum = 0
        for (const end = at + run; at < end; at++) sum += values[at] as number
        sums[cell] = (sums[cell] as number) + sum
        column += run
        if (column === columns) {
          column = 0
          row++
        }
      }
    },
    result() {
      const extent = (cell: number, count: number, length: number) =>
        edge(cell + 1, count, length) - edge(cell, count, length)
      const means = Array.from(sums, (sum, cell) => {
        const covered = extent(cell % width, width, columns) * extent(Math.floor(cell / width), height, rows)
        return Number.isFinite(sum) ? sum / covered : null
      })
      return { width, height, values: means }
    },
  }
}

/** First index that falls into a cell or beyond it, when `length` indices are dealt to `count` cells by floor(i * count / length). */
function edge(cell: number, count: number, length: number): number {
  return Math.ceil((cell * length) / count)
}
