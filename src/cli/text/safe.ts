import type { Output } from '../io'

/**
 * Characters that act on a terminal instead of being seen: controls, formats (bidirectional overrides, zero-width characters,
 * the byte order mark), line and paragraph separators, halves of surrogate pairs.
 */
const ACTING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Nearly all text is of these, which is told much sooner. */
const PLAIN = /^[ -~→\n]*$/

function escaped(character: string): string {
  return character.split('').map(unitEscaped).join('')
}

function unitEscaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A text that a file gave, on one line and inert: characters that act are shown as `\u001b`. */
export function safe(text: string): string {
  return PLAIN.test(text) && !text.includes('\n') ? text : text.replace(ACTING, escaped)
}

/** Fewest characters that a shortened name keeps. */
const LEAST = 24

/** A name as `safe` gives it; on a terminal its middle is left out where it would take more than half of the line. */
export function nameText(name: string, { isTTY, columns }: Output): string {
  const text = safe(name)
  const most = Math.max(LEAST, Math.floor((columns ?? 80) / 2))
  if (!isTTY || text.length <= most) return text
  const characters = [...text]
  const end = Math.floor((most - 1) / 2)
  return [...characters.slice(0, most - 1 - end), '…', ...characters.slice(-end)].join('')
}

/** One JSON document, inert on a terminal too (its own line breaks aside), the schema version first. */
export function jsonText(document: object, indented: boolean): string {
  return inertJson({ schema: 1, ...document }, indented)
}

/** Items of a list in one piece. */
const PIECE = 1000

/** The text that `jsonText` gives on one line, in pieces: of a list of 100,000 tensors it is as large as they are. */
export function* jsonPieces(document: object): Generator<string> {
  let before = '{'
  for (const [key, value] of Object.entries({ schema: 1, ...document })) {
    if (value === undefined) continue
    const head = `${before}${JSON.stringify(key)}:`
    before = ','
    if (!Array.isArray(value) || value.length === 0) yield inert(`${head}${JSON.stringify(value)}`)
    else {
      for (let i = 0; i < value.length; i += PIECE) {
        yield inert(`${i === 0 ? `${head}[` : ','}${JSON.stringify(value.slice(i, i + PIECE)).slice(1, -1)}`)
      }
      yield ']'
    }
  }
  yield '}\n'
}

/** As `jsonText`, of a document whose schema is not Assay's. */
export function inertJson(document: object, indented: boolean): string {
  return `${inert(JSON.stringify(document, null, indented ? 2 : 0))}\n`
}

function inert(json: string): string {
  if (PLAIN.test(json)) return json
  return json.replace(ACTING, (character) => (character === '\n' ? character : escaped(character)))
}
