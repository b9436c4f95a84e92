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
  /** The value farthest from zero under each: one that a mean would hide. */
  readonly extremes: readonly (number | null)[]
}

/** As `Kernel.picture`, in plain TypeScript: what a faster one is checked against. */
export function picture(dtype: DType, shape: readonly number[], side: number): Accumulator<Picture> | undefined {
  const grid = gridOf(dtype, shape, side)
  if (!grid) return undefined
  const { columns, rows, width, height } = grid
  const cells = newCells(width * height)
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
        let low = Infinity
        let high = -Infinity
        for (const end = at + run; at < end; at++) {
          const value = values[at] as number
          sum += value
          if (value < low) low = value
          if (value > high) high = value
        }
        addCell(cells, cell, sum, low, high)
        column += run
        if (column === columns) {
          column = 0
          row++
        }
      }
    },
    result: () => drawn(cells, grid),
  }
}

/** How a tensor is dealt out to cells. */
export interface Grid {
  readonly columns: number
  readonly rows: number
  readonly width: number
  readonly height: number
}

/** Undefined where there is nothing to draw. */
export function gridOf(dtype: DType, shape: readonly number[], side: number): Grid | undefined {
  if (isComplex(dtype) || shape.includes(0)) return undefined
  const columns = (shape.at(-1) ?? 1) * valuesPerElement(dtype)
  const rows = numel(shape.slice(0, -1))
  return { columns, rows, width: Math.min(columns, side), height: Math.min(rows, side) }
}

/** First index that falls into a cell or beyond it, when `length` indices are dealt to `count` cells by floor(i * count / length). */
export function edge(cell: number, count: number, length: number): number {
  return Math.ceil((cell * length) / count)
}

/** Of each cell the sum, the least and the greatest of what lies under it. */
export interface Cells {
  readonly sums: Float64Array
  readonly lows: Float64Array
  readonly highs: Float64Array
}

export function newCells(count: number): Cells {
  const filled = (value: number) => new Float64Array(count).fill(value)
  return { sums: filled(0), lows: filled(Infinity), highs: filled(-Infinity) }
}

export function addCell({ sums, lows, highs }: Cells, cell: number, sum: number, low: number, high: number): void {
  sums[cell] = (sums[cell] as number) + sum
  lows[cell] = Math.min(lows[cell] as number, low)
  highs[cell] = Math.max(highs[cell] as number, high)
}

export function drawn({ sums, lows, highs }: Cells, { columns, rows, width, height }: Grid): Picture {
  const extent = (cell: number, count: number, length: number) =>
    edge(cell + 1, count, length) - edge(cell, count, length)
  const each = (of: (cell: number) => number) =>
    Array.from(sums, (sum, cell) => (Number.isFinite(sum) ? of(cell) : null))
  return {
    width,
    height,
    values: each((cell) => {
      const covered = extent(cell % width, width, columns) * extent(Math.floor(cell / width), height, rows)
      return (sums[cell] as number) / covered
    }),
    extremes: each((cell) => {
      const [low, high] = [lows[cell] as number, highs[cell] as number]
      return -low > high ? low : high
    }),
  }
}
