import type { TensorRow } from '../../../contract/schemas'
import type { TreeLine } from '../../ui/tree-keys'
import { sortNaturally } from './natural'

/** A name from a file may be nothing but dots: what lies deeper than any real module stays one label. */
const DEEPEST = 24

/** A module: everything whose name goes on after its prefix. What is in it is worked out when it is first opened. */
export class Branch {
  #children: Children | undefined
  #troubled: number | undefined

  /**
   * @param key unique in the tree, and the same again when the tree is built from other rows
   * @param from position in every row's name where what is inside this branch begins
   */
  constructor(
    readonly key: string,
    readonly label: string,
    readonly rows: readonly TensorRow[],
    private readonly from: number,
    private readonly depth: number,
  ) {}

  get bytes(): number {
    return this.rows.reduce((sum, row) => sum + row.bytes, 0)
  }

  /** How many of its tensors carry a flag of trouble. */
  get troubled(): number {
    this.#troubled ??= this.rows.reduce((sum, row) => sum + (isTroubled(row) ? 1 : 0), 0)
    return this.#troubled
  }

  get children(): Children {
    this.#children ??= this.depth === 0 && hasComponents(this.rows) ? this.#byComponent() : this.#byName()
    return this.#children
  }

  /** The name of a tensor that is directly in this branch, without the branch's own. */
  labelOf(row: TensorRow): string {
    return row.name.slice(this.from)
  }

  /** Components stay in the checkpoint's order, weights first. */
  #byComponent(): Children {
    const groups = grouped(this.rows, (row) => row.component)
    return { branches: [...groups].map(([id, rows]) => new Branch(`${id}.`, id, rows, 0, 1)), leaves: [] }
  }

  #byName(): Children {
    const isLeaf = (row: TensorRow) => this.depth >= DEEPEST || row.name.indexOf('.', this.from) < 0
    const leaves = this.rows.filter(isLeaf)
    const groups = grouped(
      this.rows.filter((row) => !isLeaf(row)),
      (row) => row.name.slice(this.from, row.name.indexOf('.', this.from)),
    )
    const branches = [...groups].map(
      ([part, rows]) => new Branch(`${this.key}${part}.`, part, rows, this.from + part.length + 1, this.depth + 1),
    )
    return {
      branches: sortNaturally(branches, (branch) => branch.label),
      leaves: sortNaturally(leaves, (row) => this.labelOf(row)),
    }
  }
}

interface Children {
  readonly branches: readonly Branch[]
  readonly leaves: readonly TensorRow[]
}

/** A module or a tensor, as the tree shows it. */
export interface Line extends TreeLine {
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
  return node instanceof Branch
}

/** Modules by the dots of their names; above them the components, where there is more than one. */
export function treeOf(rows: readonly TensorRow[]): Branch {
  return new Branch('', '', rows, 0, 0)
}

/** The branch of that key, if the tree has it. */
export function branchAt(root: Branch, key: string): Branch | undefined {
  let node: Branch | undefined = root
  while (node && node.key !== key) node = node.children.branches.find((child) => key.startsWith(child.key))
  return node
}

/** The lines in sight when `opened` names the opened branches. A branch with nothing but one branch in it shares its line. */
export function linesOf(root: Branch, opened: ReadonlySet<string>): Line[] {
  const lines: Line[] = []
  const walk = (node: Branch, level: number, parent: number) => {
    const { branches, leaves } = node.children
    const siblings = branches.length + leaves.length
    let position = 0
    for (const child of branches) {
      position += 1
      const { end, label } = folded(child)
      const isOpen = opened.has(end.key)
      const index = lines.length
      lines.push({
        key: end.key,
        label,
        level,
        position,
        siblings,
        expandable: true,
        opened: isOpen,
        parent,
        node: end,
      })
      if (isOpen) walk(end, level + 1, index)
    }
    for (const row of leaves) {
      position += 1
      lines.push({
        key: leafKey(row),
        label: node.labelOf(row),
        level,
        position,
        siblings,
        expandable: false,
        opened: false,
        parent,
        node: row,
      })
    }
  }
  walk(root, 1, -1)
  return lines
}

function folded(child: Branch): { end: Branch; label: string } {
  let end = child
  let label = child.label
  for (let only = onlyBranch(end); only; only = onlyBranch(end)) {
    end = only
    label += `.${only.label}`
  }
  return { end, label }
}

function onlyBranch({ children: { branches, leaves } }: Branch): Branch | undefined {
  return leaves.length === 0 && branches.length === 1 ? branches[0] : undefined
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
    const { branches, leaves } = node.children
    const inside = leaves.length + branches.length
    if (shown + inside > limit && node !== root) continue
    shown += inside
    opened.add(node.key)
    if (waiting.length + branches.length <= limit) waiting.push(...branches)
  }
  return opened
}

function hasComponents(rows: readonly TensorRow[]): boolean {
  return rows.some((row) => row.component !== rows[0]?.component)
}

/** Rows by a text of theirs, groups in the order they first come in. */
function grouped(rows: readonly TensorRow[], textOf: (row: TensorRow) => string): Map<string, TensorRow[]> {
  const groups = new Map<string, TensorRow[]>()
  for (const row of rows) {
    const text = textOf(row)
    const group = groups.get(text)
    if (group) group.push(row)
    else groups.set(text, [row])
  }
  return groups
}
