import { Select } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { visible } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import classes from './sibling-switcher.module.css'

/** Along the steps of the run, without leaving the view. */
export function SiblingSwitcher({ checkpoint }: { checkpoint: OpenedCheckpoint }) {
  const workspace = useWorkspace()
  const { siblings, path } = checkpoint
  const here = siblings.findIndex((sibling) => sibling.path === path)
  const earlier = siblings[here - 1]
  const later = siblings[here + 1]
  return (
    <div className={classes.switcher}>
      <IconAction
        label="Earlier checkpoint"
        keys="alt+ArrowUp"
        disabled={here < 0 || !earlier}
        onClick={() => earlier && workspace.open(earlier.path)}
      >
        <IconChevronLeft size={15} />
      </IconAction>
      <Select
        aria-label="Checkpoint of the run"
        data={siblings.map((sibling) => ({
          value: sibling.path,
          label: sibling.step === undefined ? visible(sibling.name) : `Step ${formatCount(sibling.step)}`,
        }))}
        value={here < 0 ? null : path}
        onChange={(next) => next !== null && next !== path && workspace.open(next)}
        w={122}
        data-testid="sibling-select"
      />
      <IconAction
        label="Later checkpoint"
        keys="alt+ArrowDown"
        disabled={here < 0 || !later}
        onClick={() => later && workspace.open(later.path)}
      >
        <IconChevronRight size={15} />
      </IconAction>
    </div>
  )
}
