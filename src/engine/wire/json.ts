import type { z } from 'zod'
import type * as contract from '../../contract/schemas'
import type { Plain } from '../../core/decode/plain'

/** Deeper, longer or larger than this, a value is for a file viewer: the window and `--json` get a sentence in its place. */
const LIMITS = { depth: 24, values: 20_000, text: 20_000 }

type JsonNumber = z.infer<typeof contract.jsonNumber>
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A number as JSON can say it: what it cannot hold is its name. */
export function jsonNumber(value: number): JsonNumber {
  if (Number.isFinite(value)) return value
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? 'Infinity' : '-Infinity'
}

/** As `jsonNumber`, where there may be no value. */
export function numberOrNull(value: number | null | undefined): JsonNumber | null {
  return value === null || value === undefined ? null : jsonNumber(value)
}

/** Named values of a file as JSON. */
export function wireFields(fields: Readonly<Record<string, Plain>>): Record<string, unknown> {
  return jsonOf({ ...fields }) as Record<string, unknown>
}

/** A file's values as JSON: numbers beyond it as text, nothing deeper or larger than the limits, `__proto__` an ordinary key. */
export function jsonOf(value: Plain): Json {
  let left = LIMITS.values
  const walk = (item: Plain, depth: number): Json => {
    left--
    if (typeof item === 'number') return jsonNumber(item)
    if (typeof item === 'bigint') return Number.isSafeInteger(Number(item)) ? Number(item) : String(item)
    if (typeof item === 'string') return item.length > LIMITS.text ? `${item.slice(0, LIMITS.text)}…` : item
    if (item === null || typeof item !== 'object') return item
    if (depth >= LIMITS.depth) return '… (nested deeper)'
    if (Array.isArray(item)) {
      const kept: Json[] = []
      for (const part of item) {
        if (left <= 0) return [...kept, `… (${item.length - kept.length} more)`]
        kept.push(walk(part, depth + 1))
      }
      return kept
    }
    const entries = Object.entries(item)
    const kept: Record<string, Json> = Object.create(null)
    for (const [position, [key, part]] of entries.entries()) {
      if (left <= 0) {
        kept['…'] = `${entries.length - position} more`
        break
      }
      kept[key] = walk(part, depth + 1)
    }
    return kept
  }
  return walk(value, 0)
}
