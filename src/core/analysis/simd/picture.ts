import { type DType, itemSize } from '../../checkpoint/dtype'
import type { Accumulator } from '../kernel'
import { addCell, drawn, edge, gridOf, newCells, type Picture } from '../picture'
import { PLACE, type Simd } from './module'
import { place, stepOf, widen, wideOf } from './operand'

/** Float64 that a cell takes: sum, least, greatest. */
const FIELDS = 3

/** As `picture`, for dtypes that there are kernels for. The cells over the row at hand lie in the kernels' memory. */
export function simdPicture(
  simd: Simd,
  dtype: DType,
  shape: readonly number[],
  side: number,
): Accumulator<Picture> | undefined {
  const grid = gridOf(dtype, shape, side)
  if (!grid) return undefined
  const { columns, rows, width, height } = grid
  const cells = newCells(width * height)
  const edges = Int32Array.from({ length: width + 1 }, (_, cell) => edge(cell, width, columns))
  const size = itemSize(dtype)
  const wide = wideOf(dtype)
  const step = stepOf(dtype) * size
  const over = new Float64Array(simd.bytes.buffer, PLACE.counts, width * FIELDS)
  let row = 0
  let column = 0

  const begin = () => {
    for (let i = 0; i < over.length; i += FIELDS) over.set([0, Infinity, -Infinity], i)
  }
  const end = (of: number) => {
    const first = Math.floor((of * height) / rows) * width
    for (let i = 0; i < width; i++) {
      const [sum, low, high] = over.subarray(i * FIELDS, (i + 1) * FIELDS)
      addCell(cells, first + i, sum as number, low as number, high as number)
    }
  }
  const isNewRow = () => Math.floor((row * height) / rows) !== Math.floor(((row - 1) * height) / rows)

  return {
    update(block) {
      simd.edges.set(edges)
      begin()
      for (let from = 0; from < block.length; from += step) {
        const part = block.subarray(from, from + step)
        place(simd, part, PLACE.a, size)
        const n = part.length / size
        const values = widen(simd, dtype, PLACE.a, n, PLACE.wideA, wide)
        for (let at = 0; at < n; ) {
          const run = Math.min(columns - column, n - at)
          const cell = Math.floor((column * width) / columns)
          const address = values + at * (wide === 'F64' ? 8 : 4)
          simd.run[`cells${wide}`](address, run, cell, column, PLACE.edges, PLACE.counts)
          at += run
          column += run
          if (column < columns) continue
          column = 0
          row++
          if (!isNewRow()) continue
          end(row - 1)
          begin()
        }
      }
      if (row < rows) end(row)
    },
    result: () => drawn(cells, grid),
  }
}
