import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const tokens = readFileSync(new URL('../src/renderer/tokens.css', import.meta.url), 'utf8')

/** Custom properties of one colour scheme, as tokens.css gives them. */
function scheme(name: string): Map<string, string> {
  const block = tokens.split(`[data-mantine-color-scheme="${name}"]`)[1]?.split('}')[0] ?? ''
  return new Map([...block.matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)].map(([, key = '', value = '']) => [key, value]))
}

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

const SURFACES = ['surface', 'surface-sunken', 'surface-raised', 'surface-hover', 'surface-chosen']
const PAIRS: [string, string[]][] = [
  ['text', SURFACES],
  ['text-soft', SURFACES],
  ['text-faint', SURFACES],
  ['accent', SURFACES],
  ['good', [...SURFACES, 'good-soft']],
  ['warn', [...SURFACES, 'warn-soft']],
  ['bad', [...SURFACES, 'bad-soft']],
  ['info', ['surface', 'info-soft']],
  ['text-soft', ['bad-soft']],
  ['on-accent', ['accent-fill', 'accent-fill-hover']],
]

describe.each(['light', 'dark'])('in the %s scheme', (name) => {
  const colours = scheme(name)
  it.each(PAIRS.flatMap(([text, grounds]) => grounds.map((ground) => [text, ground] as const)))(
    '%s can be read on %s (AA, 4.5 to 1)',
    (text, ground) => {
      const [a, b] = [colours.get(`--${text}`), colours.get(`--${ground}`)]
      expect(a && b && contrast(a, b)).toBeGreaterThanOrEqual(4.5)
    },
  )

  it('lines of charts stand out from the ground (3 to 1)', () => {
    for (const line of ['chart-1', 'chart-2', 'chart-3', 'chart-4']) {
      expect(contrast(colours.get(`--${line}`) ?? '', colours.get('--surface') ?? '')).toBeGreaterThanOrEqual(3)
    }
  })
})
