import { IconX } from '@tabler/icons-react'
import { IconAction } from '../../ui/icon-action'
import { SafeText } from '../../ui/safe-text'
import classes from './scope-chip.module.css'

/** The module whose tensors alone a table shows, and the way out of it. */
export function ScopeChip({ module, onLeave }: { module: string; onLeave: () => void }) {
  return (
    <span className={classes.scope}>
      <SafeText>{module}</SafeText>
      <IconAction label="Leave the module" size={18} onClick={onLeave}>
        <IconX size={12} />
      </IconAction>
    </span>
  )
}
