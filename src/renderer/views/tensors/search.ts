/** Says of a name whether it is sought. `problem` tells why a pattern could not be used; then every name passes. */
export interface Matcher {
  readonly matches: (name: string) => boolean
  readonly problem?: string
  /** What the query is taken for, where that is not plain to see. */
  readonly hint?: string
}

const EVERY: Matcher = { matches: () => true }

/** What the search fields say of themselves. */
export const SEARCH_HELP =
  'Words find names that contain them all. * and ? make a pattern of the whole name. /…/ is a regular expression.'

/**
 * What people type into a search field: words (all must occur somewhere), a glob over the whole name when there is a `*` or `?`
 * (`*` crosses dots), or a regular expression between slashes. Never case-sensitive.
 */
export function matcherOf(query: string): Matcher {
  const sought = query.trim()
  if (sought === '') return EVERY
  const slashed = /^\/(.+)\/$/.exec(sought)?.[1]
  if (slashed !== undefined) return regexMatcher(slashed)
  if (/[*?]/.test(sought)) {
    const pattern = new RegExp(`^${sought.split('').map(globPiece).join('')}$`, 'iu')
    const isOpen = sought.startsWith('*') && sought.endsWith('*')
    return {
      matches: (name) => pattern.test(name),
      ...(!isOpen && { hint: `A pattern of the whole name; anywhere in it: *${sought.replace(/^\*+|\*+$/g, '')}*` }),
    }
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
