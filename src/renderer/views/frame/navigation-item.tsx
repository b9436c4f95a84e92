import type { IconTool } from '@tabler/icons-react'
import { formatCount, formatShort } from '../../ui/format'
import classes from './navigation.module.css'

interface NavigationItemProps {
  id: string
  name: string
  Icon: typeof IconTool
  hotkey?: string
  current?: boolean
  disabled?: boolean
  /** How much there is to see, and what is counted. */
  count?: number | undefined
  countTitle?: string | undefined
  onClick?: () => void
}

export function NavigationItem({
  id,
  name,
  Icon,
  hotkey,
  current,
  disabled,
  count,
  countTitle,
  onClick,
}: NavigationItemProps) {
  return (
    <li>
      <button
        type="button"
        className={classes.view}
        aria-label={name}
        aria-current={current ? 'page' : undefined}
        aria-keyshortcuts={hotkey}
        disabled={disabled}
        onClick={onClick}
        data-testid={`nav-${id}`}
      >
        <Icon size={16} stroke={1.7} aria-hidden />
        <span className={classes.name}>{name}</span>
        {count !== undefined && (
          <span className={classes.count} title={countTitle ?? formatCount(count)}>
            {formatShort(count)}
          </span>
        )}
        {hotkey !== undefined && <kbd aria-hidden>{hotkey}</kbd>}
      </button>
    </li>
  )
}
