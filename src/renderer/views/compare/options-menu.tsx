import { Button, Popover, Switch, Textarea, TextInput } from '@mantine/core'
import { IconAdjustments } from '@tabler/icons-react'
import { visible } from '../../ui/safe-text'
import { activeOptions, isSound, isTolerance, type Typed, wrongLine } from './options'
import classes from './sides.module.css'

interface OptionsMenuProps {
  typed: Typed
  onChange: (typed: Typed) => void
}

/** How far values may differ and still count as equal, and names that differ by intent. */
export function OptionsMenu({ typed, onChange }: OptionsMenuProps) {
  const wrong = wrongLine(typed)
  const active = activeOptions(typed)
  const tolerance = (field: 'atol' | 'rtol', label: string) => (
    <TextInput
      label={label}
      placeholder="0"
      size="xs"
      value={typed[field]}
      onChange={(event) => onChange({ ...typed, [field]: event.currentTarget.value })}
      error={!isTolerance(typed[field]) && 'A number from 0 on, as 1e-6'}
      spellCheck={false}
      data-testid={`compare-${field}`}
    />
  )
  return (
    <Popover position="bottom-end" width={340} trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconAdjustments size={14} aria-hidden />}
          className={classes.optionsButton}
          data-wrong={!isSound(typed)}
          title={isSound(typed) ? undefined : 'One of the options cannot be understood'}
          data-testid="compare-options"
        >
          {active === 0 ? 'Options' : `Options: ${active}`}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={classes.options}>
        <p className={classes.label}>Equal where |right - left| is at most absolute + relative × |left|.</p>
        <div className={classes.tolerances}>
          {tolerance('atol', 'Absolute tolerance')}
          {tolerance('rtol', 'Relative tolerance')}
        </div>
        <Switch
          label="Weights alone, without the training state"
          size="xs"
          checked={typed.weightsOnly}
          onChange={(event) => onChange({ ...typed, weightsOnly: event.currentTarget.checked })}
          data-testid="compare-weights-only"
        />
        <Switch
          label="Distance in representable values (ULP)"
          size="xs"
          checked={typed.ulp}
          onChange={(event) => onChange({ ...typed, ulp: event.currentTarget.checked })}
          data-testid="compare-ulp"
        />
        <Textarea
          label="Renamed"
          description="A line each: name or prefix on the left = on the right; either may be empty"
          placeholder="model. = transformer."
          autosize
          minRows={2}
          maxRows={8}
          size="xs"
          value={typed.rename}
          onChange={(event) => onChange({ ...typed, rename: event.currentTarget.value })}
          error={wrong !== undefined && `No pair of names: ${visible(wrong)}`}
          spellCheck={false}
          data-testid="compare-rename"
        />
      </Popover.Dropdown>
    </Popover>
  )
}
