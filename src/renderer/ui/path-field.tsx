import { Button, TextInput } from '@mantine/core'
import type { ComponentProps, ReactNode } from 'react'
import classes from './path-field.module.css'
import { visible } from './safe-text'

interface PathFieldProps {
  label: string
  value: string
  onChange: (path: string) => void
  /** Asks the system for a path; null when the user thought better of it. */
  browse: () => Promise<string | null>
  placeholder?: string
  description?: string
  /** What is wrong with the path. */
  error?: ReactNode
  testId: string
}

const ORDER: ComponentProps<typeof TextInput>['inputWrapperOrder'] = ['label', 'description', 'error', 'input']

/** A path that can be typed, pasted or picked. */
export function PathField({ label, value, onChange, browse, placeholder, description, error, testId }: PathFieldProps) {
  return (
    <div className={classes.field}>
      <TextInput
        label={label}
        // What is wrong stands in its place, so that nothing moves.
        description={error ? undefined : description}
        error={error}
        inputWrapperOrder={ORDER}
        value={value}
        title={visible(value)}
        onChange={(event) => onChange(event.currentTarget.value)}
        placeholder={placeholder}
        spellCheck={false}
        data-testid={testId}
        className={classes.input}
      />
      <Button
        variant="default"
        size="xs"
        aria-label={`Browse: ${label}`}
        onClick={async () => {
          const path = await browse()
          if (path !== null) onChange(path)
        }}
      >
        Browse…
      </Button>
    </div>
  )
}
