import {
  IconChartLine,
  IconFileDiff,
  IconFolderOpen,
  IconLayoutDashboard,
  IconTool,
  IconVectorTriangle,
} from '@tabler/icons-react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { VIEW_NAMES } from '../../commands/commands'
import { formatShort } from '../../ui/format'
import { useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { VIEWS, type ViewId } from '../../workspace/workspace'
import { Logo } from '../shared/logo'
import classes from './navigation.module.css'
import { OpenMenu } from './open-menu'

const ICONS: Record<ViewId, typeof IconTool> = {
  overview: IconLayoutDashboard,
  tensors: IconVectorTriangle,
  training: IconChartLine,
  compare: IconFileDiff,
  repair: IconTool,
}

/** The five ways to look at a checkpoint. */
export function Navigation({ checkpoint }: { checkpoint: OpenedCheckpoint | null }) {
  const workspace = useWorkspace()
  const { view } = useWorkspaceState()
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
        {VIEWS.map((id, i) => {
          const Icon = ICONS[id]
          return (
            <li key={id}>
              <button
                type="button"
                className={classes.view}
                aria-current={checkpoint && view === id ? 'page' : undefined}
                aria-keyshortcuts={`${i + 1}`}
                disabled={!checkpoint}
                onClick={() => workspace.show(id)}
                data-testid={`nav-${id}`}
              >
                <Icon size={16} stroke={1.7} aria-hidden />
                <span className={classes.name}>{VIEW_NAMES[id]}</span>
                {checkpoint && <Count checkpoint={checkpoint} view={id} />}
                <kbd aria-hidden>{i + 1}</kbd>
              </button>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}

function Count({ checkpoint, view }: { checkpoint: OpenedCheckpoint; view: ViewId }) {
  const { findings } = checkpoint.verification
  if (view === 'overview' && findings.length > 0) {
    return <span title={`${findings.length} findings`}>{formatShort(findings.length)}</span>
  }
  if (view === 'tensors')
    return <span title={`${checkpoint.tensorCount} tensors`}>{formatShort(checkpoint.tensorCount)}</span>
  return null
}
