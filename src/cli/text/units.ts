import { InvalidArgumentError } from 'commander'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Bytes for people: 475.2 MB (powers of 1000, as disks and the Hub count). */
export function bytesText(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${UNITS[unit]}`
}

export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A measured number in few characters; `-` where there is none. */
export function numberText(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '-'
  if (typeof value === 'string') return value
  if (value === 0 || (Number.isInteger(value) && Math.abs(value) < 1e6)) return String(value)
  const size = Math.abs(value)
  return size >= 1e-3 && size < 1e6 ? withoutZeros(value.toPrecision(5)) : value.toExponential(3)
}

/** Decimals as JavaScript writes the number: `0.25` for `0.2500`. Sooner than to read the number and write it anew. */
export function withoutZeros(decimals: string): string {
  if (decimals.includes('e')) return String(Number(decimals))
  let end = decimals.length
  if (decimals.includes('.')) while (decimals[end - 1] === '0') end--
  return decimals.slice(0, decimals[end - 1] === '.' ? end - 1 : end)
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

const FACTORS: Record<string, number> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** Bytes in a size as people write it: `5GB`, `500 MiB`, `1048576`. Throws commander's InvalidArgumentError. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?$/i.exec(text.trim()) ?? []
  const bytes = Math.floor(Number(digits) * (FACTORS[unit.toUpperCase()] ?? Number.NaN))
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('Write a size as 5GB, 500MB or 2GiB.')
}
