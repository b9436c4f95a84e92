import { AVERAGE } from './averages'
import { commonWrapper, WRAPPERS } from './names'

const SEGMENTS: ReadonlySet<string> = new Set(WRAPPERS.map(({ segment }) => segment))

/**
 * How the model itself would name each of `names`: without the wrappers that all of them begin with, and without the
 * segments that only wrappers use, wherever they stand. A `module.` that not all share may be a part of the model and stays; of
 * one that is doubled under a key one stays.
 */
export function cleaner(names: readonly string[]): (name: string) => string {
  const prefix = commonWrapper(names)
  const doubled = doubledIn(names)
  return (name) => {
    const twice = doubled.find((each) => name.startsWith(each))
    if (twice) return name.slice(0, twice.length - TWICE.length) + name.slice(twice.length - ONCE.length)
    const inner = name.startsWith(prefix) ? name.slice(prefix.length) : name
    const kept = inner.split('.').filter((part) => !SEGMENTS.has(part))
    return kept.length === 0 ? inner : kept.join('.')
  }
}

const ONCE = 'module.'
const TWICE = `${ONCE}${ONCE}`

/**
 * What stands before all names under one of several keys of a dict, where it ends with `module.` twice: `state_dict.module.module.`.
 * DDP puts it there once. That of a running average may do so, as an AveragedModel of a DDP is called.
 */
export function doubledIn(names: readonly string[]): string[] {
  if (!names.some((name) => name.includes(`.${TWICE}`))) return []
  const byKey = new Map<string, string[]>()
  for (const name of names) {
    const key = name.slice(0, Math.max(name.indexOf('.'), 0))
    const own = byKey.get(key)
    if (own) own.push(name)
    else byKey.set(key, [name])
  }
  return [...byKey].flatMap(([key, own]) => {
    const prefix = `${key}.${TWICE}`
    return key !== '' && !AVERAGE.test(key) && own.every((name) => name.startsWith(prefix)) ? [prefix] : []
  })
}

/** The wrappers' part of a name: `module._orig_mod.` where it leads the name, else the segments that stand inside it. */
export function wrapperIn(name: string, clean: string): string {
  if (name.endsWith(clean)) return name.slice(0, name.length - clean.length)
  const segments = name.split('.').filter((part) => SEGMENTS.has(part))
  if (segments.length === 0 && name.includes(TWICE)) return `a second ${ONCE}`
  return segments.map((part) => `${part}.`).join('')
}
