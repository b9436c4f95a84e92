import type { PyValue } from './value'
import { containerOf, type PyContainer, partsOf } from './walk'

/** Values a tree walk may meet, and levels it may descend. Python's own pickler stops near 1000 levels. */
const TREE_LIMIT = 1e9
const DEPTH_LIMIT = 2000

/**
 * What is wrong with the value when it is walked as a tree, if anything: pickles share what they hold, so a few hundred bytes
 * can stand for 10^40 leaves, and 100 kB for 100,000 levels. `shared` are the containers with more than one reference; each is
 * measured once. A reference back to a container that is being measured (a cycle) counts as a leaf.
 */
export function bombIn(root: PyValue, shared: ReadonlySet<PyContainer>): string | undefined {
  const first = containerOf(root)
  if (first === undefined) return undefined
  const { size, depth } = new Measurement(shared).of(first)
  if (depth > DEPTH_LIMIT) return `nests values more than ${DEPTH_LIMIT} levels deep`
  return size > TREE_LIMIT ? `stands for more than ${TREE_LIMIT} values when its references are followed` : undefined
}

/** Values in a container when references are followed, itself included, and levels of containers, its own included. */
interface Measure {
  readonly size: number
  readonly depth: number
}

class Measurement {
  private readonly measured = new Map<PyContainer, Measure>()
  /** Levels in the container that was measured last. Kept here, and not returned: there are millions of containers. */
  private depth = 0

  constructor(private readonly shared: ReadonlySet<PyContainer>) {}

  of(root: PyContainer): Measure {
    const size = this.measure(root, 1)
    return { size, depth: this.depth }
  }

  /** Values in it. Recursion ends with the levels allowed: what is deeper is given the depth that is too much. */
  private measure(node: PyContainer, level: number): number {
    if (level > DEPTH_LIMIT) {
      this.depth = Infinity
      return 1
    }
    const known = this.measured.get(node)
    if (known) {
      this.depth = known.depth
      return known.size
    }
    const isShared = this.shared.has(node)
    if (isShared) this.measured.set(node, { size: 1, depth: 1 })
    let size = 1
    let depth = 1
    for (const part of partsOf(node)) {
      const inner = containerOf(part)
      size += inner ? this.measure(inner, level + 1) : 1
      if (inner && this.depth >= depth) depth = this.depth + 1
    }
    if (isShared) this.measured.set(node, { size, depth })
    this.depth = depth
    return size
  }
}
