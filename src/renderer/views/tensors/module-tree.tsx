import { formatBytes, formatShort } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Tree } from '../../ui/tree'
import classes from './module-tree.module.css'
import { type Branch, isBranch, isTroubled, type Line } from './tree'

interface ModuleTreeProps {
  lines: readonly Line[]
  /** Key of the line that the table follows. */
  selected: string | null
  onOpen: (keys: readonly string[], open: boolean) => void
  onSelect: (line: Line) => void
}

/** The tensors by module, with how many there are and how many are in trouble. */
export function ModuleTree({ lines, selected, onOpen, onSelect }: ModuleTreeProps) {
  return (
    <Tree
      label="Modules"
      lines={lines}
      selected={selected}
      onOpen={onOpen}
      onSelect={onSelect}
      onDoubleClick={(line) => line.expandable && onOpen([line.key], !line.opened)}
      titleOf={({ node, label }) => visible(isBranch(node) ? label : node.name)}
      attributesOf={() => ({ 'data-testid': 'tree-item' })}
    >
      {({ node, label }) => (
        <>
          <span className={classes.label}>
            <SafeText>{label}</SafeText>
          </span>
          <Weight node={node} />
        </>
      )}
    </Tree>
  )
}

function Weight({ node }: { node: Line['node'] }) {
  if (!isBranch(node)) return isTroubled(node) ? <span className={classes.trouble}>{node.flags[0]}</span> : null
  return (
    <>
      {node.troubled > 0 && <Trouble branch={node} />}
      <span className={classes.count} title={formatBytes(node.bytes)}>
        {formatShort(node.rows.length)}
      </span>
    </>
  )
}

function Trouble({ branch }: { branch: Branch }) {
  return (
    <span className={classes.trouble} title={`${branch.troubled} tensors with trouble`}>
      {formatShort(branch.troubled)} flagged
    </span>
  )
}
