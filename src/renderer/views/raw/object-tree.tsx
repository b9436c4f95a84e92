import { useEffect, useMemo, useRef } from 'react'
import { type Outline, useOutline } from '../../api/outline'
import { ErrorPanel } from '../../ui/error-panel'
import { baseName, formatCount } from '../../ui/format'
import { Pending } from '../../ui/pending'
import { SafeText, visible } from '../../ui/safe-text'
import { Tag } from '../../ui/tag'
import { Tree, type TreeHandle } from '../../ui/tree'
import { linesOf, type RawLine } from './lines'
import classes from './object-tree.module.css'

interface ObjectTreeProps {
  id: string
  file: string
}

/** What unpickling a file would make, drawn without making it. */
export function ObjectTree({ id, file }: ObjectTreeProps) {
  const [outline, state] = useOutline(id, file)
  const lines = useMemo(() => linesOf(state, baseName(file)), [state, file])
  const tree = useRef<TreeHandle>(null)
  const { chosen, root, failed } = state
  useEffect(() => {
    if (!root) void outline.more('', 0)
  }, [outline, root])
  useEffect(() => {
    if (chosen !== null) tree.current?.show(chosen)
  }, [chosen])
  const retry = () => failed && outline.more(failed.key, state.children.get(failed.key)?.length ?? 0)
  if (!root) {
    return (
      <div className={classes.padded}>
        {failed ? <ErrorPanel problem={failed.problem} retry={retry} /> : <Pending lines={6} />}
      </div>
    )
  }
  return (
    <>
      {failed && <ErrorPanel problem={failed.problem} retry={retry} />}
      <Tree
        ref={tree}
        label="Objects"
        lines={lines}
        selected={chosen}
        onOpen={(keys, open) => outline.open(keys, open)}
        onSelect={(line) => {
          outline.choose(line.key)
          if (line.expandable) outline.open([line.key], !line.opened)
        }}
        titleOf={titleOf}
        attributesOf={attributesOf}
      >
        {(line) => (line.node ? <Node line={line} node={line.node} /> : <More line={line} outline={outline} />)}
      </Tree>
    </>
  )
}

function Node({ line, node }: { line: RawLine; node: NonNullable<RawLine['node']> }) {
  return (
    <>
      <span className={classes.key}>
        <SafeText>{line.label}</SafeText>
      </span>
      <span className={classes.text} data-branch={line.expandable}>
        <SafeText>{node.text}</SafeText>
      </span>
      {node.global !== undefined && node.kind !== 'global' && (
        <span className={classes.global}>
          <SafeText>{node.global}</SafeText>
        </span>
      )}
      {node.refused && (
        <Tag tone="warn" title="torch.load(weights_only=True) refuses to import it">
          refused
        </Tag>
      )}
      <span className={classes.kind}>{node.kind}</span>
    </>
  )
}

/** Stands for children that have not been asked for, until it is in sight. */
function More({ line, outline }: { line: RawLine; outline: Outline }) {
  const { above, position, siblings } = line
  useEffect(() => {
    void outline.more(above, position - 1)
  }, [outline, above, position])
  return <span className={classes.text}>{`Reading ${formatCount(position)} of ${formatCount(siblings)}…`}</span>
}

function titleOf({ label, node }: RawLine): string {
  return node ? visible([label, node.text, node.global].filter(Boolean).join('  ')) : ''
}

function attributesOf({ node }: RawLine): Record<`data-${string}`, string> {
  if (!node) return { 'data-testid': 'raw-more' }
  return { 'data-testid': 'raw-node', 'data-key': node.key, 'data-kind': node.kind }
}
