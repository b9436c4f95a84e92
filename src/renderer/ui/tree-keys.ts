/** One line of a tree as it is shown. */
export interface TreeLine {
  /** Unique in the tree, and the same again when its lines are worked out anew. */
  readonly key: string
  readonly label: string
  /** From 1, as aria-level counts. */
  readonly level: number
  readonly position: number
  readonly siblings: number
  readonly expandable: boolean
  readonly opened: boolean
  /** Line of the branch it is in, -1 at the top. */
  readonly parent: number
}

interface Move {
  /** Line to go to. */
  readonly index?: number
  /** Branches to open or close. */
  readonly open?: { readonly keys: readonly string[]; readonly to: boolean }
}

/** What a key does to the tree (WAI-ARIA Authoring Practices, tree view); undefined: nothing. */
export function moveInTree(lines: readonly TreeLine[], at: number, key: string): Move | undefined {
  const line = lines[at]
  if (!line) return undefined
  const closed = line.expandable && !line.opened
  switch (key) {
    case 'ArrowDown':
      return { index: Math.min(at + 1, lines.length - 1) }
    case 'ArrowUp':
      return { index: Math.max(at - 1, 0) }
    case 'PageDown':
      return { index: Math.min(at + 20, lines.length - 1) }
    case 'PageUp':
      return { index: Math.max(at - 20, 0) }
    case 'Home':
      return { index: 0 }
    case 'End':
      return { index: lines.length - 1 }
    case 'ArrowRight':
      if (closed) return { open: { keys: [line.key], to: true } }
      return line.expandable ? { index: at + 1 } : {}
    case 'ArrowLeft':
      if (line.opened) return { open: { keys: [line.key], to: false } }
      return line.parent >= 0 ? { index: line.parent } : {}
    case '*': {
      const beside = lines.filter((other) => other.parent === line.parent && other.expandable)
      return { open: { keys: beside.map((other) => other.key), to: true } }
    }
    default:
      return undefined
  }
}

/** The next line after `at` that begins with what was typed; a longer text may stay where it is. */
export function typeAhead(lines: readonly TreeLine[], at: number, text: string): number | undefined {
  const sought = text.toLowerCase()
  const start = text.length > 1 ? at : at + 1
  for (let i = 0; i < lines.length; i++) {
    const index = (start + i) % lines.length
    if (lines[index]?.label.toLowerCase().startsWith(sought)) return index
  }
  return undefined
}
