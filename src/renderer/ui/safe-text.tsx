import { keyed } from './keyed'
import classes from './safe-text.module.css'

/**
 * Characters that would hide, reorder or break what is shown around them: C0 and C1 controls, unpaired surrogates, and, as first and
 * last code point, soft hyphen, joiners and fillers, bidi marks, embeddings and isolates (Unicode 16, UAX #9), zero-width and invisible
 * operators, line separators, tags.
 */
const INVISIBLE = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe007f],
] as const
const RANGES = INVISIBLE.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`)
const UNSAFE = new RegExp(`[\\p{Cc}\\p{Cs}${RANGES.join('')}]`, 'gu')

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0', '\x1b': '\\x1b' }

/** How an unsafe character is written so that it can be seen. */
function written(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return NAMED[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `U+${hex(code, 4).toUpperCase()}`)
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, '0')
}

/** Text from a file with every unsafe character written out, for titles, labels and anything that takes only a string. */
export function visible(text: string): string {
  return text.replace(UNSAFE, written)
}

/** The same as visible(), in pieces: odd ones are characters written out. */
export function pieces(text: string): string[] {
  const parts: string[] = []
  let end = 0
  for (const match of text.matchAll(UNSAFE)) {
    parts.push(text.slice(end, match.index), written(match[0]))
    end = match.index + match[0].length
  }
  parts.push(text.slice(end))
  return parts
}

/** Text from a file: nothing in it can hide or reorder anything, and what tried to is marked. */
export function SafeText({ children }: { children: string }) {
  const parts = pieces(children)
  if (parts.length === 1) return <bdi>{children}</bdi>
  return (
    <bdi>
      {keyed(parts).map(({ key, item }) =>
        Number(key) % 2 === 0 ? (
          item
        ) : (
          <span key={key} className={classes.written}>
            {item}
          </span>
        ),
      )}
    </bdi>
  )
}
