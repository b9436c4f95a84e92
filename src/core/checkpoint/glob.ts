/**
 * Whether a tensor's name fits a glob: `*` stands for any text, `?` for one character, everything else for itself. A glob
 * without either fits every name that contains it. Names have no folders, so `*` crosses dots and slashes.
 */
export function globFilter(glob: string): (name: string) => boolean {
  return /[*?]/.test(glob) ? (name) => fits(glob, name) : (name) => name.includes(glob)
}

/** What to say where a glob fits no name: to show nothing would pass for an answer. */
export const FITS_NOTHING = {
  message: 'No tensor has a name that the filter lets through',
  hint: '* stands for any text, ? for one character.',
} as const

/** Goes back only to the last star, so that no glob takes more than name times glob steps (a regular expression might). */
function fits(glob: string, name: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  let position = 0
  while (position < name.length) {
    if (glob[at] === '*') {
      star = at++
      resume = position
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === name[position])) {
      at++
      position++
    } else if (star >= 0) {
      at = star + 1
      position = ++resume
    } else {
      return false
    }
  }
  while (glob[at] === '*') at++
  return at === glob.length
}
