/**
 * Characters that act on a terminal instead of being seen: controls, formats (bidirectional overrides, zero-width characters,
 * the byte order mark), line and paragraph separators, halves of surrogate pairs.
 */
const ACTING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

function escaped(character: string): string {
  return character.split('').map(unitEscaped).join('')
}

function unitEscaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A text that a file gave, on one line and inert: characters that act are shown as `\u001b`. */
export function safe(text: string): string {
  return text.replace(ACTING, escaped)
}

/** One JSON document, inert on a terminal too (its own line breaks aside), the schema version first. */
export function jsonText(document: object, indented: boolean): string {
  return inertJson({ schema: 1, ...document }, indented)
}

/** As `jsonText`, of a document whose schema is not Assay's. */
export function inertJson(document: object, indented: boolean): string {
  const text = JSON.stringify(document, null, indented ? 2 : 0)
  return `${text.replace(ACTING, (character) => (character === '\n' ? character : escaped(character)))}\n`
}
