import { commonWrapper, WRAPPERS } from './names'

const SEGMENTS: ReadonlySet<string> = new Set(WRAPPERS.map(({ segment }) => segment))

/**
 * How the model itself would name each of `names`: without the wrappers that all of them begin with, and without the
 * segments that only wrappers use, wherever they stand. A `module.` that not all share may be a part of the model and stays.
 */
export function cleaner(names: readonly string[]): (name: string) => string {
  const prefix = commonWrapper(names)
  return (name) => {
    const inner = name.startsWith(prefix) ? name.slice(prefix.length) : name
    const kept = inner.split('.').filter((part) => !SEGMENTS.has(part))
    return kept.length === 0 ? inner : kept.join('.')
  }
}

/** The wrappers' part of a name: `module._orig_mod.` where it leads the name, else the segments that stand inside it. */
export function wrapperIn(name: string, clean: string): string {
  if (name.endsWith(clean)) return name.slice(0, name.length - clean.length)
  const segments = name.split('.').filter((part) => SEGMENTS.has(part))
  return segments.map((part) => `${part}.`).join('')
}
