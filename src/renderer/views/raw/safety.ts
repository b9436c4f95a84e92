import type { PickledFile } from '../../../contract/schemas'
import type { Tone } from '../../ui/tag'

type Import = PickledFile['globals'][number]
export type Safety = Import['verdict']

export const SAFETY: Record<Safety, { tone: Tone; means: string }> = {
  dangerous: { tone: 'bad', means: 'Can run commands, reach files or the network' },
  unknown: { tone: 'warn', means: 'Not known to be harmless' },
  safe: { tone: 'good', means: 'Known to only make values' },
}

const WORST_FIRST = Object.keys(SAFETY) as readonly Safety[]

/** What a file imports, each once, worst first. */
export function importsOf({ globals }: PickledFile): Import[] {
  const once = new Map(globals.map((each) => [pathOf(each), each]))
  return [...once.values()].toSorted(
    (a, b) => WORST_FIRST.indexOf(a.verdict) - WORST_FIRST.indexOf(b.verdict) || (pathOf(a) < pathOf(b) ? -1 : 1),
  )
}

export interface Refused {
  readonly path: string
  /** Where the tree shows it first; undefined for what the file imports and then does not keep. */
  readonly place?: PickledFile['refusals'][number]
}

/** The imports that the default loader refuses, what is nearest to the root first. */
export function refusedIn(pickle: PickledFile): Refused[] {
  const placed = pickle.refusals.map((place) => ({ path: pathOf(place), place }))
  const known = new Set(placed.map(({ path }) => path))
  const others = importsOf(pickle).filter((each) => !each.allowed && !known.has(pathOf(each)))
  return [...placed, ...others.map((each) => ({ path: pathOf(each) }))]
}

/** The worst that a file imports; one that imports nothing is safe, if it could be read. */
export function safetyOf({ globals, error }: PickledFile): Safety {
  const worst = WORST_FIRST.find((verdict) => globals.some((each) => each.verdict === verdict)) ?? 'safe'
  return worst === 'safe' && error !== undefined ? 'unknown' : worst
}

export function pathOf({ module, name }: { readonly module: string; readonly name: string }): string {
  return `${module}.${name}`
}
