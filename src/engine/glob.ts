/**
 * Whether a tensor's name fits a glob: `*` stands for any text, `?` for one character, everything else for itself. A glob
 * without either fits every name that contains it. Names have no folders, so `*` crosses dots and slashes.
 */
export function globFilter(glob: string): (name: string) => boolean {
  if (!/[*?]/.test(glob)) return (name) => name.includes(glob)
  const literal = (text: string) => text.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  const pattern = glob.split('').map((c) => (c === '*' ? '.*' : c === '?' ? '.' : literal(c)))
  const expression = new RegExp(`^${pattern.join('').replace(/(\.\*)+/g, '.*')}$`, 'su')
  return (name) => expression.test(name)
}
