import { Box } from '@mantine/core'
import { useState } from 'react'
import { keyed } from './keyed'
import classes from './raw-value.module.css'
import { SafeText } from './safe-text'

const LONGEST = 20_000

/** A value as a file has it, folded until somebody asks. */
export function RawValue({ label, value }: { label: string; value: unknown }) {
  const [opened, setOpened] = useState(false)
  return (
    <details className={classes.raw} onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>{label}</summary>
      {opened && (
        // It scrolls, so the keyboard must reach it.
        <Box component="pre" tabIndex={0}>
          {keyed(textOf(value).split('\n')).map(({ key, item }) => (
            <div key={key}>
              <SafeText>{item}</SafeText>
            </div>
          ))}
        </Box>
      )}
    </details>
  )
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? String(part) : part), 2) ?? 'nothing'
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… and ${text.length - LONGEST} characters more` : text
}
