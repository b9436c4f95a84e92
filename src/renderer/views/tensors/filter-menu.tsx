import { Button, Checkbox, Popover } from '@mantine/core'
import { IconFilter } from '@tabler/icons-react'
import { useMemo } from 'react'
import type { TensorRow } from '../../../contract/schemas'
import { formatCount } from '../../ui/format'
import { visible } from '../../ui/safe-text'
import { countFacets, FACETS, type Facet, type Facets, NO_FACETS, toggled } from './filter'
import classes from './filter-menu.module.css'

const NAMES: Record<Facet, string> = { flags: 'Flag', component: 'Component', dtype: 'Dtype', file: 'File' }

interface FilterMenuProps {
  rows: readonly TensorRow[]
  facets: Facets
  onChange: (facets: Facets) => void
}

/** Narrow the table by what its columns hold, with how many there are of each. */
export function FilterMenu({ rows, facets, onChange }: FilterMenuProps) {
  const counts = useMemo(() => countFacets(rows), [rows])
  const active = FACETS.reduce((sum, facet) => sum + facets[facet].size, 0)
  return (
    <Popover position="bottom-start" width={300} trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconFilter size={14} aria-hidden />}
          data-active={active > 0}
          className={classes.button}
          data-testid="tensor-filter"
        >
          Filter{active > 0 && ` (${active})`}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={classes.menu}>
        {FACETS.filter((facet) => counts[facet].length > (facet === 'flags' ? 0 : 1)).map((facet) => (
          <fieldset key={facet} className={classes.facet}>
            <legend>{NAMES[facet]}</legend>
            {counts[facet].map(([value, count]) => (
              <Checkbox
                key={value}
                checked={facets[facet].has(value)}
                onChange={() => onChange(toggled(facets, facet, value))}
                label={
                  <span className={classes.choice}>
                    <span>{visible(value)}</span>
                    <span>{formatCount(count)}</span>
                  </span>
                }
                classNames={{ body: classes.line, labelWrapper: classes.label }}
                data-testid={`filter-${facet}-${value}`}
              />
            ))}
          </fieldset>
        ))}
        <Button size="compact-xs" variant="subtle" disabled={active === 0} onClick={() => onChange(NO_FACETS)}>
          Clear
        </Button>
      </Popover.Dropdown>
    </Popover>
  )
}
