import { Checkbox, Popover } from '@mantine/core'
import { IconColumns3 } from '@tabler/icons-react'
import type { VisibilityState } from '@tanstack/react-table'
import { IconAction } from '../../ui/icon-action'
import { COLUMNS } from './columns'
import classes from './filter-menu.module.css'

/** Which columns the table shows. */
export function ColumnMenu({
  columns,
  onChange,
}: {
  columns: VisibilityState
  onChange: (columns: VisibilityState) => void
}) {
  return (
    <Popover position="bottom-end" width={180} trapFocus>
      <Popover.Target>
        <IconAction label="Columns">
          <IconColumns3 size={15} />
        </IconAction>
      </Popover.Target>
      <Popover.Dropdown className={classes.menu}>
        {COLUMNS.filter((column) => column.enableHiding !== false).map(({ id = '', header }) => (
          <Checkbox
            key={id}
            label={typeof header === 'string' ? header : id}
            checked={columns[id] !== false}
            onChange={({ currentTarget: { checked } }) => onChange({ ...columns, [id]: checked })}
            classNames={{ body: classes.line }}
          />
        ))}
      </Popover.Dropdown>
    </Popover>
  )
}
