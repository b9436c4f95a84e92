import type { z } from 'zod'
import type { jsonNumber } from '../../contract/schemas'

export type JsonNumber = z.infer<typeof jsonNumber>

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Bytes in decimal units with three significant digits: `122.6 kB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** A whole number with thousands marked: `1,548,288`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** A large count for reading at a glance: `124.4 M`. */
export function formatShort(count: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['B', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (count >= size) return `${withoutFill((count / size).toPrecision(count / size >= 100 ? 3 : 4))} ${unit}`
  }
  return String(count)
}

/** Zeros after the point that say nothing: `4.00` is `4`, `400` stays. */
function withoutFill(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** A contract number as a JavaScript one. */
export function toNumber(value: JsonNumber): number {
  return typeof value === 'number' ? value : Number(value)
}

/** A measured value in four significant digits; `–` where there is none. */
export function formatValue(value: JsonNumber | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return '–'
  const number = toNumber(value)
  if (Number.isNaN(number)) return 'NaN'
  if (!Number.isFinite(number)) return number > 0 ? '∞' : '-∞'
  if (number === 0) return '0'
  if (Number.isInteger(number) && Math.abs(number) < 1e6) return formatCount(number)
  const size = Math.abs(number)
  if (size < 1e-3 || size >= 1e6) return number.toExponential(digits - 1).replace('e+', 'e')
  return number.toPrecision(digits)
}

/** The same without zeros that only fill up a column: for single values in text, and ticks. */
export function formatNumber(value: JsonNumber | null | undefined, digits = 4): string {
  return formatValue(value, digits)
    .replace(/(\.\d*?)0+(?=e|$)/, '$1')
    .replace(/\.(?=e|$)/, '')
}

/** `1280 × 128 × 3`; a tensor without dimensions is a `scalar`. */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join(' × ')
}

export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return '0 %'
  const percent = (part / whole) * 100
  if (percent > 0 && percent < 0.1) return '< 0.1 %'
  return `${percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`
}

/** A moment as this machine's clock has it, to the minute: `2026-03-04 17:08`. */
export function formatTime(milliseconds: number): string {
  const date = new Date(milliseconds)
  const two = (part: number) => String(part).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

/** The last part of a path, whichever way its slashes lean. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path
}

/** Everything before the last part; the path itself at the root. */
export function folderOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return end > 0 ? path.slice(0, end) : path
}

/** `weights/rank-shard` as words: `Weights: rank shard`. */
export function ruleWords(rule: string): string {
  const [area = '', name = ''] = rule.split('/', 2)
  const title = area === 'rng' ? 'RNG' : area.charAt(0).toUpperCase() + area.slice(1)
  return name === '' ? title : `${title}: ${name.replaceAll('-', ' ')}`
}
