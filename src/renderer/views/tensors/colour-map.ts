/** Colours from the lowest value through zero to the highest, and the one for cells without a value. */
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

/** The colour of a value between -limit and limit. */
export function colourOf(map: ColourMap, value: number | null, limit: number): readonly [number, number, number] {
  if (value === null || Number.isNaN(value)) return map.none
  const last = map.stops.length - 1
  const share = limit > 0 ? Math.min(Math.max((value / limit + 1) / 2, 0), 1) : 0.5
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
