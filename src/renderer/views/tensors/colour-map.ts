/** Colours from the lowest value to the highest, and the one for cells without a value. */
export interface ColourMap {
  readonly stops: readonly (readonly [red: number, green: number, blue: number])[]
  readonly none: readonly [red: number, green: number, blue: number]
}

/**
 * Diverging maps that stay apart under every common colour blindness: blue against orange, lightness falling evenly to either side
 * (ColorBrewer's PuOr and RdBu ends in light; the same hues around a dark middle, after Crameri's `berlin`, in dark).
 */
export const MAPS: Readonly<Record<'light' | 'dark', ColourMap>> = {
  light: {
    stops: [
      [5, 48, 97],
      [67, 147, 195],
      [209, 229, 240],
      [247, 247, 247],
      [253, 219, 176],
      [224, 130, 20],
      [127, 59, 8],
    ],
    none: [0, 0, 0],
  },
  dark: {
    stops: [
      [158, 202, 255],
      [56, 134, 201],
      [22, 58, 92],
      [24, 24, 28],
      [92, 48, 14],
      [214, 118, 30],
      [255, 205, 150],
    ],
    none: [255, 0, 220],
  },
}

/** Cividis: lightness and yellow rise evenly, for every common colour blindness too (Nuñez, Anderton and Renslow 2018). */
const CIVIDIS: ColourMap['stops'] = [
  [0, 34, 78],
  [42, 63, 109],
  [87, 93, 109],
  [125, 124, 120],
  [165, 156, 116],
  [210, 192, 96],
  [254, 232, 56],
]

/** Which values the ends of a map stand for. */
export interface Scale {
  readonly map: ColourMap
  readonly from: number
  readonly to: number
}

/** Both ends equally far from zero where there are values on both sides of it; where there are not, lowest to highest. */
export function scaleOf(values: readonly (number | null)[], scheme: 'light' | 'dark'): Scale {
  const map = MAPS[scheme]
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value === null || Number.isNaN(value)) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  if (min > max) return { map, from: 0, to: 0 }
  if ((min >= 0 || max <= 0) && min < max) return { map: { ...map, stops: CIVIDIS }, from: min, to: max }
  const limit = Math.max(-min, max, 0)
  return { map, from: -limit, to: limit }
}

/** The colour of a value; beyond the ends, theirs. */
export function colourOf({ map, from, to }: Scale, value: number | null): readonly [number, number, number] {
  if (value === null || Number.isNaN(value)) return map.none
  const last = map.stops.length - 1
  const share = to > from ? Math.min(Math.max((value - from) / (to - from), 0), 1) : 0.5
  const low = Math.min(Math.floor(share * last), last - 1)
  const part = share * last - low
  const a = map.stops[low] ?? map.none
  const b = map.stops[low + 1] ?? map.none
  return [mix(a[0], b[0], part), mix(a[1], b[1], part), mix(a[2], b[2], part)]
}

function mix(a: number, b: number, part: number): number {
  return Math.round(a + (b - a) * part)
}

/** The map as a CSS gradient, for the legend. */
export function gradientOf(map: ColourMap): string {
  return `linear-gradient(to right, ${map.stops.map((rgb) => `rgb(${rgb.join(' ')})`).join(', ')})`
}

export function cssColour(rgb: readonly number[]): string {
  return `rgb(${rgb.join(' ')})`
}
