/** Says of a name whether it is sought. `problem` tells why a pattern could not be used; then every name passes. */
export interface Matcher {
  readonly matches: (name: string) => boolean
  readonly problem?: string
}

const EVERY: Matcher = { matches: () => true }

/**
 * What people type into a search field: words (all must occur), a glob over the whole name when there is a `*` or `?`
 * (`*` crosses dots), or, with `regex`, a regular expression. Never case-sensitive.
 */
export function matcherOf(query: string, regex: boolean): Matcher {
  const sought = query.trim()
  if (sought === '') return EVERY
  if (regex) return regexMatcher(sought)
  if (/[*?]/.test(sought)) {
    const pattern = new RegExp(`^${sought.split('').map(globPiece).join('')}$`, 'iu')
    return { matches: (name) => pattern.test(name) }
  }
  const words = sought.toLowerCase().split(/\s+/)
  return {
    matches: (name) => {
      const lower = name.toLowerCase()
      return words.every((word) => lower.includes(word))
    },
  }
}

function regexMatcher(source: string): Matcher {
  try {
    const pattern = new RegExp(source, 'iu')
    return { matches: (name) => pattern.test(name) }
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : String(error)
    return { ...EVERY, problem: `Not a regular expression: ${reason}` }
  }
}

function globPiece(character: string): string {
  if (character === '*') return '[^]*'
  if (character === '?') return '[^]'
  return character.replace(/[\\^$.+|(){}[\]/]/, '\\$&')
}
