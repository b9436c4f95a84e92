import { describe, expect, it } from 'vitest'
import { colourOf, MAPS, scaleOf } from '../../../../src/renderer/views/tensors/colour-map'

/** Perceived lightness, near enough to order colours by. */
const lightness = ([r, g, b]: readonly number[]) => 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)

describe.each(['light', 'dark'] as const)('the colour map of the %s scheme', (scheme) => {
  const map = MAPS[scheme]
  const around = (limit: number) => scaleOf([-limit, limit], scheme)

  it('has its ends and its middle where they belong', () => {
    expect(colourOf(around(2), -2)).toEqual(map.stops[0])
    expect(colourOf(around(2), 0)).toEqual(map.stops[3])
    expect(colourOf(around(2), 2)).toEqual(map.stops[6])
    expect(colourOf(around(2), 9)).toEqual(map.stops[6])
  })

  it('shows what is no number in a colour that no number has', () => {
    const { none } = map
    expect(colourOf(around(2), null)).toEqual(none)
    expect(colourOf(around(2), Number.NaN)).toEqual(none)
    for (let i = -100; i <= 100; i++) {
      const colour = colourOf(around(100), i)
      expect(Math.max(...colour.map((part, k) => Math.abs(part - (none[k] ?? 0))))).toBeGreaterThan(60)
    }
  })

  it('changes in lightness evenly from the middle out, so that colour blind people read it too', () => {
    const sign = scheme === 'light' ? -1 : 1
    for (let i = 1; i <= 20; i++) {
      for (const side of [-1, 1]) {
        const step = lightness(colourOf(around(20), side * i)) - lightness(colourOf(around(20), side * (i - 1)))
        expect(sign * step).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('shows values that are all zero as its middle', () => {
    expect(colourOf(scaleOf([0, 0], scheme), 0)).toEqual(map.stops[3])
    expect(colourOf(scaleOf([null, Number.NaN], scheme), 0)).toEqual(map.stops[3])
  })

  it('spreads values on one side of zero over all its lightness, from the lowest to the highest', () => {
    for (const values of [
      [0.98, 1, 1.03],
      [-3, null, -1],
      [0, 2],
    ]) {
      const scale = scaleOf(values, scheme)
      const numbers = values.filter((value) => value !== null)
      expect([scale.from, scale.to]).toEqual([Math.min(...numbers), Math.max(...numbers)])
      const [low, high] = [colourOf(scale, scale.from), colourOf(scale, scale.to)]
      expect(lightness(high) - lightness(low)).toBeGreaterThan(150)
      expect(low).not.toEqual(scale.map.none)
    }
  })

  it('keeps zero in the middle as soon as there are values on both sides of it', () => {
    expect(scaleOf([-0.1, 3], scheme)).toEqual({ map, from: -3, to: 3 })
  })
})
