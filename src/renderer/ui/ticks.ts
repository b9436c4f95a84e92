/** Round numbers from `min` to `max`, about `count` of them (1, 2 or 5 times a power of ten apart). */
export function niceTicks(min: number, max: number, count: number): number[] {
  if (!(max > min)) return [min]
  const raw = (max - min) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(raw))
  // A little further apart than asked for, or closer: never so far that hardly any are left.
  const step = power * ([10, 5, 2, 1].find((factor) => factor * power <= raw * 1.5) ?? 1)
  const first = Math.ceil(min / step - 1e-9)
  const last = Math.floor(max / step + 1e-9)
  // Multiplied, not added up: 0.1 + 0.2 is no tick.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}
