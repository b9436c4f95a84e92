import { isBranch, type Line } from './tree'

interface Move {
  /** Line to go to. */
  readonly index?: number
  /** Branches to open or close. */
  readonly open?: { readonly keys: readonly string[]; readonly to: boolean }
}

/** What a key does to the tree (WAI-ARIA Authoring Practices, tree view); undefined: nothing. */
export function moveInTree(lines: readonly Line[], at: number, key: string): Move | undefined {
  const line = lines[at]
  if (!line) return undefined
  const closed = isBranch(line.node) && !line.opened
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
      return isBranch(line.node) ? { index: at + 1 } : {}
    case 'ArrowLeft':
      if (line.opened) return { open: { keys: [line.key], to: false } }
      return line.parent >= 0 ? { index: line.parent } : {}
    case '*': {
      const beside = lines.filter((other) => other.parent === line.parent && isBranch(other.node))
      return { open: { keys: beside.map((other) => other.key), to: true } }
    }
    default:
      return undefined
  }
}

/** The next line after `at` that begins with what was typed; a longer text may stay where it is. */
export function typeAhead(lines: readonly Line[], at: number, text: string): number | undefined {
  const sought = text.toLowerCase()
  const start = text.length > 1 ? at : at + 1
  for (let i = 0; i < lines.length; i++) {
    const index = (start + i) % lines.length
    if (lines[index]?.label.toLowerCase().startsWith(sought)) return index
  }
  return undefined
}
