import { Modal } from '@mantine/core'
import type { Command } from '../../commands/commands'
import { Keys } from '../../ui/keys'
import classes from './shortcuts.module.css'

/** Keys that views listen to while they are in sight. */
const IN_VIEWS = [
  { label: 'Find in the tensors', keys: '/' },
  { label: 'Next difference, or step of a repair', keys: '.' },
  { label: 'Previous difference, or step of a repair', keys: ',' },
  { label: 'Open or enter a module of the tree', keys: '→' },
  { label: 'Close a module, or go to the one above', keys: '←' },
  { label: 'Open all modules beside this one', keys: '*' },
  { label: 'Zoom into the charts', keys: '[plus]' },
  { label: 'Zoom out of the charts', keys: '-' },
  { label: 'Show the charts whole', keys: '0' },
  { label: 'Earlier part of zoomed charts', keys: 'shift+ArrowLeft' },
  { label: 'Later part of zoomed charts', keys: 'shift+ArrowRight' },
  { label: 'Cancel the running job', keys: 'Escape' },
] as const

export function Shortcuts({
  opened,
  close,
  commands,
}: {
  opened: boolean
  close: () => void
  commands: readonly Command[]
}) {
  const withKeys = commands.filter((command) => command.keys)
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Keyboard shortcuts"
      size={620}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <dl className={classes.sheet} data-testid="shortcuts-sheet">
        {withKeys.map((command) => (
          <div key={command.id}>
            <dt>{command.label}</dt>
            <dd>
              {command.keys?.map((keys) => (
                <Keys key={keys} keys={keys} />
              ))}
            </dd>
          </div>
        ))}
        {IN_VIEWS.map(({ label, keys }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <Keys keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}
