import { IconChevronRight } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type Ref,
  useId,
  useImperativeHandle,
  useRef,
  useState,
} from 'react'
import classes from './tree.module.css'
import { moveInTree, type TreeLine, typeAhead } from './tree-keys'

const LINE_HEIGHT = 24

interface TreeProps<Line extends TreeLine> {
  label: string
  lines: readonly Line[]
  /** Key of the line that is chosen. */
  selected: string | null
  onOpen: (keys: readonly string[], open: boolean) => void
  onSelect: (line: Line) => void
  onDoubleClick?: (line: Line) => void
  titleOf: (line: Line) => string
  /** data-* attributes of a line. */
  attributesOf: (line: Line) => Record<`data-${string}`, string>
  /** What stands after the chevron. */
  children: (line: Line) => ReactNode
  ref?: Ref<TreeHandle>
}

export interface TreeHandle {
  /** Brings a line into sight; the arrows go on from it. */
  show(key: string): void
}

/** The WAI-ARIA tree: one tab stop, the arrows walk it, letters jump in it. Only lines in sight exist. */
export function Tree<Line extends TreeLine>(props: TreeProps<Line>) {
  const { label, lines, selected, onOpen, onSelect, onDoubleClick, titleOf, attributesOf, children, ref } = props
  const scroller = useRef<HTMLDivElement>(null)
  const id = useId()
  const [active, setActive] = useState<string | null>(null)
  const typed = useRef({ text: '', at: 0 })
  const at = Math.max(
    0,
    lines.findIndex((line) => line.key === (active ?? selected)),
  )
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 12,
  })

  const goTo = (index: number) => {
    const line = lines[index]
    if (!line) return
    setActive(line.key)
    virtualizer.scrollToIndex(index)
  }
  useImperativeHandle(ref, () => ({ show: (key) => goTo(lines.findIndex((line) => line.key === key)) }))

  const lineAt = ({ target }: MouseEvent) => {
    const element = target instanceof Element ? target.closest('[data-index]') : null
    const line = lines[Number(element?.getAttribute('data-index') ?? -1)]
    return line && { line, onChevron: target instanceof Element && target.closest('[data-chevron]') !== null }
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const line = lines[at]
    if (!line) return
    if (event.key === 'Enter' || event.key === ' ') onSelect(line)
    else {
      const move = moveInTree(lines, at, event.key)
      if (move?.open) onOpen(move.open.keys, move.open.to)
      if (move?.index !== undefined) goTo(move.index)
      if (!move) {
        if (event.key.length !== 1 || event.key === '/' || event.key === '?') return
        const text = event.timeStamp - typed.current.at < 700 ? typed.current.text + event.key : event.key
        typed.current = { text, at: event.timeStamp }
        const found = typeAhead(lines, at, text)
        if (found === undefined) return
        goTo(found)
      }
    }
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <div
      ref={scroller}
      className={classes.tree}
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={lines.length > 0 ? `${id}${at}` : undefined}
      onKeyDown={onKeyDown}
      onClick={(event) => {
        const hit = lineAt(event)
        if (!hit) return
        setActive(hit.line.key)
        if (hit.onChevron) onOpen([hit.line.key], !hit.line.opened)
        else onSelect(hit.line)
      }}
      onDoubleClick={(event) => {
        const hit = lineAt(event)
        if (hit && !hit.onChevron) onDoubleClick?.(hit.line)
      }}
    >
      <div
        role="presentation"
        className={classes.lines}
        style={{ height: virtualizer.getTotalSize(), paddingTop: virtualizer.getVirtualItems()[0]?.start ?? 0 }}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const line = lines[item.index]
          if (!line) return null
          return (
            <div
              key={line.key}
              id={`${id}${item.index}`}
              role="treeitem"
              // The tree itself has the focus and the keys: aria-activedescendant.
              tabIndex={-1}
              aria-level={line.level}
              aria-posinset={line.position}
              aria-setsize={line.siblings}
              aria-expanded={line.expandable ? line.opened : undefined}
              aria-selected={line.key === selected}
              data-active={item.index === at}
              className={classes.line}
              title={titleOf(line)}
              data-index={item.index}
              {...attributesOf(line)}
            >
              <span className={classes.indent} style={{ width: (line.level - 1) * 14 }} />
              {line.expandable ? (
                <span className={classes.chevron} data-opened={line.opened} data-chevron>
                  <IconChevronRight size={13} aria-hidden />
                </span>
              ) : (
                <span className={classes.noChevron} />
              )}
              {children(line)}
            </div>
          )
        })}
      </div>
    </div>
  )
}
