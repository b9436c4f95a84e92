import type { Exponents } from '../../contract/schemas'

const HEIGHTS = '▁▂▃▄▅▆▇█'
/** More bins than this share characters. */
const WIDEST = 24

/**
 * `-12 ▁▃▆█▂ -3`: the binary exponents of the smallest and the largest values, and how common those between them are. Heights
 * go by the logarithm, so that a rare one is seen beside millions; a dot is none at all.
 */
export function exponentsText(exponents: Exponents | null | undefined): string {
  if (!exponents) return '-'
  const { first, positive, negative } = exponents
  const each = Math.ceil(positive.length / WIDEST)
  const sums = new Array<number>(Math.ceil(positive.length / each)).fill(0)
  for (const [i, count] of positive.entries()) {
    const bar = Math.floor(i / each)
    sums[bar] = (sums[bar] ?? 0) + count + (negative[i] ?? 0)
  }
  const most = Math.log1p(Math.max(...sums))
  const bars = sums.map((count) => (count === 0 ? '·' : HEIGHTS[Math.ceil((Math.log1p(count) / most) * 8) - 1]))
  return `${first} ${bars.join('')} ${first + positive.length - 1}`
}
