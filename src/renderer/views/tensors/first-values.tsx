import { Button } from '@mantine/core'
import { useState } from 'react'
import { formatValue, type JsonNumber } from '../../ui/format'
import { keyed } from '../../ui/keyed'
import classes from './first-values.module.css'

const SHOWN = 24

/** Values from the beginning, in row-major order. */
export function FirstValues({ values }: { values: readonly JsonNumber[] }) {
  const [all, setAll] = useState(false)
  if (values.length === 0) return <p className={classes.none}>There are no values.</p>
  return (
    <>
      <ol className={classes.values}>
        {keyed(all ? values : values.slice(0, SHOWN)).map(({ key, item }) => (
          <li key={key} data-odd={typeof item === 'string'} title={`[${key}]`}>
            {formatValue(item, 5)}
          </li>
        ))}
      </ol>
      {!all && values.length > SHOWN && (
        <Button size="compact-xs" variant="subtle" onClick={() => setAll(true)}>
          Show the first {values.length}
        </Button>
      )}
    </>
  )
}
