import { greatest, least, lower, total, upper } from './lanes'

/**
 * Adds n values of one row to the cells that lie over it. `edges` has, as i32, the column that each cell begins at and the one
 * after the last; `cell` is that of the first value and `column` its column. A cell is three float64: sum, least and greatest;
 * NaN and infinities are in the sum.
 */
export function cellsF32(a: usize, n: i32, cell: i32, column: i32, edges: usize, cells: usize): void {
  while (n > 0) {
    const run = min(load<i32>(edges + (usize(cell + 1) << 2)) - column, n)
    const at = cells + usize(cell) * 24
    const end = a + (usize(run) << 2)
    let sum = load<f64>(at)
    let low = load<f64>(at, 8)
    let high = load<f64>(at, 16)
    if (run >= 4) {
      let sums = f64x2.splat(0)
      let lows = v128.load(a)
      let highs = lows
      for (const last = a + (usize(run & ~3) << 2); a < last; a += 16) {
        const x = v128.load(a)
        sums = f64x2.add(sums, f64x2.add(lower(x), upper(x)))
        lows = f32x4.pmin(lows, x)
        highs = f32x4.pmax(highs, x)
      }
      sum += total(sums)
      low = min(low, min(least(lower(lows)), least(upper(lows))))
      high = max(high, max(greatest(lower(highs)), greatest(upper(highs))))
    }
    for (; a < end; a += 4) {
      const x = f64(load<f32>(a))
      sum += x
      low = min(low, x)
      high = max(high, x)
    }
    store<f64>(at, sum)
    store<f64>(at, low, 8)
    store<f64>(at, high, 16)
    n -= run
    column += run
    cell++
  }
}

export function cellsF64(a: usize, n: i32, cell: i32, column: i32, edges: usize, cells: usize): void {
  while (n > 0) {
    const run = min(load<i32>(edges + (usize(cell + 1) << 2)) - column, n)
    const at = cells + usize(cell) * 24
    let sum = load<f64>(at)
    let low = load<f64>(at, 8)
    let high = load<f64>(at, 16)
    for (const end = a + (usize(run) << 3); a < end; a += 8) {
      const x = load<f64>(a)
      sum += x
      low = min(low, x)
      high = max(high, x)
    }
    store<f64>(at, sum)
    store<f64>(at, low, 8)
    store<f64>(at, high, 16)
    n -= run
    column += run
    cell++
  }
}
