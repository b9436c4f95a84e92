import type { PyValue } from './value'
import { containerOf, type PyContainer, partsOf } from './walk'

/** Values a tree walk may meet, and levels it may descend. Python's own pickler stops near 1000 levels. */
const TREE_LIMIT = 1e9
const DEPTH_LIMIT = 2000

interface Frame {
  readonly node: PyContainer
  readonly parts: readonly PyValue[]
  next: number
  size: number
  depth: number
}

/**
 * What is wrong with the value when it is walked as a tree, if anything: pickles share what they hold, so a few hundred bytes
 * can stand for 10^40 leaves, and 100 kB for 100,000 levels. Each container is measured once, whatever refers to it;
 * a reference back to a container that is being measured (a cycle) counts as a leaf.
 */
export function bombIn(root: PyValue): string | undefined {
  const first = containerOf(root)
  if (first === undefined) return undefined
  /** Size and depth of measured containers; undefined while one is being measured. */
  const measured = new Map<PyContainer, { size: number; depth: number } | undefined>()
  const path: Frame[] = []
  const enter = (node: PyContainer) => {
    measured.set(node, undefined)
    path.push({ node, parts: partsOf(node), next: 0, size: 1, depth: 1 })
  }
  enter(first)
  for (let frame = path[0]; frame !== undefined; frame = path[path.length - 1]) {
    if (frame.next === frame.parts.length) {
      if (frame.size > TREE_LIMIT) return `stands for more than ${TREE_LIMIT} values when its references are followed`
      if (frame.depth > DEPTH_LIMIT) return `nests values more than ${DEPTH_LIMIT} levels deep`
      measured.set(frame.node, frame)
      path.pop()
      const parent = path[path.length - 1]
      if (parent !== undefined) add(parent, frame)
      continue
    }
    const part = containerOf(frame.parts[frame.next++])
    if (part === undefined) frame.size++
    else if (!measured.has(part)) enter(part)
    else add(frame, measured.get(part) ?? { size: 1, depth: 1 })
  }
  return undefined
}

function add(frame: Frame, part: { readonly size: number; readonly depth: number }): void {
  frame.size += part.size
  frame.depth = Math.max(frame.depth, part.depth + 1)
}
