import type { Checkpoint } from '../checkpoint/checkpoint'

/** What a sentence calls A and B. */
export type Sides = readonly [a: string, b: string]

/**
 * The names of two checkpoints, with as many of the folders they lie in as tell them apart: `first/checkpoint-100` beside
 * `second/checkpoint-100`. The name alone where both lie at one path.
 */
export function sidesOf(a: Pick<Checkpoint, 'path' | 'name'>, b: Pick<Checkpoint, 'path' | 'name'>): Sides {
  if (a.name !== b.name || a.path === b.path) return [a.name, b.name]
  const [inA, inB] = [partsOf(a.path), partsOf(b.path)]
  const most = Math.max(inA.length, inB.length)
  for (let depth = 2; depth < most; depth++) {
    const [tailA, tailB] = [inA.slice(-depth).join('/'), inB.slice(-depth).join('/')]
    if (tailA !== tailB) return [tailA, tailB]
  }
  return [a.path, b.path]
}

function partsOf(path: string): string[] {
  return path.split(/[/\\]/).filter((part) => part !== '')
}
