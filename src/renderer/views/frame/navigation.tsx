import {
  IconBinaryTree2,
  IconChartLine,
  IconFileDiff,
  IconFolderOpen,
  IconLayoutDashboard,
  IconListDetails,
  IconTool,
  IconVectorTriangle,
} from '@tabler/icons-react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { VIEW_NAMES } from '../../commands/commands'
import { folderOf, formatCount, plural } from '../../ui/format'
import { useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { type Subject, VIEWS, type ViewId } from '../../workspace/workspace'
import { Logo } from '../shared/logo'
import classes from './navigation.module.css'
import { NavigationItem } from './navigation-item'
import { OpenMenu } from './open-menu'

const ICONS: Record<ViewId, typeof IconTool> = {
  overview: IconLayoutDashboard,
  tensors: IconVectorTriangle,
  training: IconChartLine,
  compare: IconFileDiff,
  repair: IconTool,
  raw: IconBinaryTree2,
}

/** The run, where there is one, and the ways to look at a checkpoint. */
export function Navigation({ subject }: { subject: Subject | null }) {
  const workspace = useWorkspace()
  const { view } = useWorkspaceState()
  const checkpoint = subject?.kind === 'checkpoint' ? subject : null
  const siblings = checkpoint?.siblings.length ?? 0
  return (
    <nav className={classes.nav} aria-label="Views">
      <div className={classes.brand}>
        <Logo size={18} />
        <span>Assay</span>
        <OpenMenu>
          <IconFolderOpen size={16} />
        </OpenMenu>
      </div>
      <ul className={classes.views}>
        {subject?.kind === 'run' && (
          <NavigationItem id="run" name="Run" Icon={IconListDetails} current count={subject.listed.length} />
        )}
        {checkpoint && siblings > 1 && (
          <NavigationItem
            id="run"
            name="Run"
            Icon={IconListDetails}
            count={siblings}
            onClick={() => workspace.open(folderOf(checkpoint.path))}
          />
        )}
        {VIEWS.map((id, i) => (
          <NavigationItem
            key={id}
            id={id}
            name={VIEW_NAMES[id]}
            Icon={ICONS[id]}
            hotkey={`${i + 1}`}
            current={checkpoint !== null && view === id}
            disabled={!checkpoint}
            count={checkpoint ? countOf(id, checkpoint) : undefined}
            countTitle={checkpoint ? COUNTED[id]?.(checkpoint) : undefined}
            onClick={() => workspace.show(id)}
          />
        ))}
      </ul>
    </nav>
  )
}

const COUNTED: Partial<Record<ViewId, (checkpoint: OpenedCheckpoint) => string>> = {
  overview: ({ verification }) => plural(verification.findings.length, 'finding'),
  tensors: ({ tensorCount, verification }) =>
    `${plural(tensorCount, 'tensor')} in all, ${formatCount(verification.tensors.count)} of them weights`,
}

function countOf(view: ViewId, { verification, tensorCount }: OpenedCheckpoint) {
  if (view === 'overview') return verification.findings.length || undefined
  return view === 'tensors' ? tensorCount : undefined
}
