import type { RawNode } from '../../../contract/schemas'
import type { OutlineState } from '../../api/outline'
import type { TreeLine } from '../../ui/tree-keys'

/** A node, or the place of the next ones, which are fetched when it comes into sight. */
export interface RawLine extends TreeLine {
  /** Key of the node that it is in. */
  readonly above: string
  readonly node: RawNode | null
}

/** The lines of the opened part of the tree. A line to come has the key that its node will have. */
export function linesOf({ root, children, opened }: OutlineState, rootLabel: string): RawLine[] {
  const lines: RawLine[] = []
  const walk = (line: Omit<RawLine, 'expandable' | 'opened'>) => {
    const { node, key, level } = line
    const inside = node?.children ?? 0
    const isOpen = inside > 0 && opened.has(key)
    const index = lines.length
    lines.push({ ...line, expandable: inside > 0, opened: isOpen })
    if (!isOpen) return
    const come = children.get(key) ?? []
    for (let i = 0; i < Math.min(come.length + 1, inside); i++) {
      const child = come[i] ?? null
      walk({
        key: key === '' ? `${i}` : `${key}.${i}`,
        label: child?.key ?? '',
        level: level + 1,
        position: i + 1,
        siblings: inside,
        parent: index,
        above: key,
        node: child,
      })
    }
  }
  if (root) {
    walk({ key: '', label: rootLabel, level: 1, position: 1, siblings: 1, parent: -1, above: '', node: root })
  }
  return lines
}
