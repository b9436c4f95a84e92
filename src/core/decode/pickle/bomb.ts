import type { PyValue } from './value'
import { containerOf, type PyContainer, partsOf } from './walk'

/** Values a tree walk may meet, and levels it may descend. Python's own pickler stops near 1000 levels. */
const TREE_LIMIT = 1e9
const DEPTH_LIMIT = 2000

interface Measure {
  /** Values in it when references are followed, itself included. */
  size: number
  /** Levels of containers in it, its own included. */
  depth: number
}

/**
 * What is wrong with the value when it is walked as a tree, if anything: pickles share what they hold, so a few hundred bytes
 * can stand for 10^40 leaves, and 100 kB for 100,000 levels. `shared` are the containers with more than one reference; each is
 * measured once. A reference back to a container that is being measured (a cycle) counts as a leaf.
 */
export function bombIn(root: PyValue, shared: ReadonlySet<PyContainer>): string | undefined {
  const first = containerOf(root)
  if (first === undefined) return undefined
  const measured = new Map<PyContainer, Measure>()
  const total = measure(first, 1, shared, measured)
  if (total.depth > DEPTH_LIMIT) return `nests values more than ${DEPTH_LIMIT} levels deep`
  return total.size > TREE_LIMIT
    ? `stands for more than ${TREE_LIMIT} values when its references are followed`
    : undefined
}

/** Recursion ends with the levels allowed: what is deeper is given the depth that is too much. */
function measure(
  node: PyContainer,
  level: number,
  shared: ReadonlySet<PyContainer>,
  measured: Map<PyContainer, Measure>,
): Measure {
  const total = { size: 1, depth: level > DEPTH_LIMIT ? Infinity : 1 }
  const isShared = shared.has(node)
  if (isShared) measured.set(node, { size: 1, depth: 1 })
  for (const part of total.depth === 1 ? partsOf(node) : []) {
    const inner = containerOf(part)
    const { size, depth } = inner ? (measured.get(inner) ?? measure(inner, level + 1, shared, measured)) : LEAF
    total.size += size
    if (depth >= total.depth) total.depth = depth + 1
  }
  if (isShared) measured.set(node, total)
  return total
}

const LEAF: Measure = { size: 1, depth: 0 }
