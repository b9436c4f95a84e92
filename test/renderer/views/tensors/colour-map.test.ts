import { describe, expect, it } from 'vitest'
import { colourOf, MAPS } from '../../../../src/renderer/views/tensors/colour-map'

/** Perceived lightness, near enough to order colours by. */
const lightness = ([r, g, b]: readonly number[]) => 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)

describe.each(['light', 'dark'] as const)('the colour map of the %s scheme', (scheme) => {
  const map = MAPS[scheme]

  it('has its ends and its middle where they belong', () => {
    expect(colourOf(map, -2, 2)).toEqual(map.stops[0])
    expect(colourOf(map, 0, 2)).toEqual(map.stops[3])
    expect(colourOf(map, 2, 2)).toEqual(map.stops[6])
    expect(colourOf(map, 9, 2)).toEqual(map.stops[6])
  })

  it('shows what is no number in a colour that no number has', () => {
    const { none } = map
    expect(colourOf(map, null, 2)).toEqual(none)
    expect(colourOf(map, Number.NaN, 2)).toEqual(none)
    for (let i = -100; i <= 100; i++) {
      const colour = colourOf(map, i, 100)
      expect(Math.max(...colour.map((part, k) => Math.abs(part - (none[k] ?? 0))))).toBeGreaterThan(60)
    }
  })

  it('changes in lightness evenly from the middle out, so that colour blind people read it too', () => {
    const sign = scheme === 'light' ? -1 : 1
    for (let i = 1; i <= 20; i++) {
      for (const side of [-1, 1]) {
        const step = lightness(colourOf(map, side * i, 20)) - lightness(colourOf(map, side * (i - 1), 20))
        expect(sign * step).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('shows values that are all zero as its middle', () => {
    expect(colourOf(map, 0, 0)).toEqual(map.stops[3])
  })
})
