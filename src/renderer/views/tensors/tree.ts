import type { TensorRow } from '../../../contract/schemas'
import { sortNaturally } from './natural'

/** A module: everything whose name goes on after its prefix. */
export interface Branch {
  readonly kind: 'branch'
  /** Unique in the tree, and the same again when the tree is built from other rows. */
  readonly key: string
  readonly label: string
  /** The root, where its branches are components. */
  readonly holdsComponents: boolean
  readonly branches: Map<string, Branch>
  readonly leaves: TensorRow[]
  count: number
  bytes: number
  /** Tensors below that carry a flag of trouble. */
  troubled: number
}

/** One line of the tree as it is shown. */
export interface Line {
  readonly key: string
  readonly label: string
  /** From 1, as aria-level counts. */
  readonly level: number
  readonly position: number
  readonly siblings: number
  readonly opened: boolean
  /** Line of the branch it is in, -1 at the top. */
  readonly parent: number
  readonly node: Branch | TensorRow
}

const TROUBLE: ReadonlySet<string> = new Set([
  'flattened',
  'rank-shard',
  'placeholder',
  'truncated',
  'no-values',
  'non-finite',
  'wrapper-prefix',
])

export function isTroubled(row: TensorRow): boolean {
  return row.flags.some((flag) => TROUBLE.has(flag))
}

export function isBranch(node: Branch | TensorRow): node is Branch {
  return 'kind' in node
}

function branch(key: string, label: string, holdsComponents = false): Branch {
  return {
    kind: 'branch',
    key,
    label,
    holdsComponents,
    branches: new Map(),
    leaves: [],
    count: 0,
    bytes: 0,
    troubled: 0,
  }
}

/** Modules by the dots of their names; above them the components, where there is more than one. */
export function buildTree(rows: readonly TensorRow[]): Branch {
  const byComponent = new Set(rows.map((row) => row.component)).size > 1
  const root = branch('', '', byComponent)
  for (const row of rows) {
    const parts = partsOf(row.name)
    const label = parts.pop() ?? row.name
    let node = root
    add(node, row)
    if (byComponent) parts.unshift(row.component)
    for (const part of parts) {
      let next = node.branches.get(part)
      if (!next) {
        next = branch(`${node.key}${part}.`, part)
        node.branches.set(part, next)
      }
      node = next
      add(node, row)
    }
    node.leaves.push(row)
    labels.set(row, label)
  }
  return root
}

/** A name from a file may be nothing but dots: what lies deeper than any real module stays one label. */
const DEEPEST = 24

function partsOf(name: string): string[] {
  const parts = name.split('.', DEEPEST)
  const length = parts.reduce((sum, part) => sum + part.length + 1, 0)
  if (length <= name.length) parts.push(`${parts.pop() ?? ''}.${name.slice(length)}`)
  return parts
}

/** The last part of each name, split once. */
const labels = new WeakMap<TensorRow, string>()

function add(node: Branch, row: TensorRow): void {
  node.count += 1
  node.bytes += row.bytes
  if (isTroubled(row)) node.troubled += 1
}

/** The lines in sight when `opened` names the opened branches. A branch with nothing but one branch in it shares its line. */
export function linesOf(root: Branch, opened: ReadonlySet<string>): Line[] {
  const lines: Line[] = []
  const walk = (node: Branch, level: number, parent: number) => {
    // Components stay in the checkpoint's order, weights first.
    const children = [...node.branches.values()]
    const branches = node.holdsComponents ? children : sortNaturally(children, (child) => child.label)
    const leaves = sortNaturally(node.leaves, (row) => labels.get(row) ?? row.name)
    const siblings = branches.length + leaves.length
    let position = 0
    for (const child of branches) {
      position += 1
      const { end, label } = folded(child)
      const isOpen = opened.has(end.key)
      const index = lines.length
      lines.push({ key: end.key, label, level, position, siblings, opened: isOpen, parent, node: end })
      if (isOpen) walk(end, level + 1, index)
    }
    for (const row of leaves) {
      position += 1
      const label = labels.get(row) ?? row.name
      lines.push({ key: leafKey(row), label, level, position, siblings, opened: false, parent, node: row })
    }
  }
  walk(root, 1, -1)
  return lines
}

function folded(child: Branch): { end: Branch; label: string } {
  let end = child
  let label = child.label
  while (end.leaves.length === 0 && end.branches.size === 1) {
    const [only] = end.branches.values()
    if (!only) break
    end = only
    label += `.${only.label}`
  }
  return { end, label }
}

export function leafKey(row: TensorRow): string {
  return `#${row.index}`
}

/** The branches to open before anybody opened any: outer ones first, each only while about `limit` lines are in sight. */
export function openedAtFirst(root: Branch, limit: number): Set<string> {
  const opened = new Set<string>()
  const waiting = [root]
  let shown = 0
  for (let node = waiting.shift(); node; node = waiting.shift()) {
    const inside = node.leaves.length + node.branches.size
    if (shown + inside > limit && node !== root) continue
    shown += inside
    opened.add(node.key)
    if (waiting.length < limit) waiting.push(...node.branches.values())
  }
  return opened
}
