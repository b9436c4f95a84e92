import { Radio, Select } from '@mantine/core'
import type { PlanStep } from '../../../contract/schemas'
import { SafeText, visible } from '../../ui/safe-text'
import classes from './plan-step.module.css'

type Choice = NonNullable<PlanStep['choices']>[number]

interface ChoicesProps {
  label: string
  choices: readonly Choice[]
  chosen: string | undefined
  onChoose: (id: string) => void
}

/** So many are shown at once; more go into a list to open. */
export const AT_ONCE = 5

/** The ways to do a step, of which one is taken. */
export function Choices({ label, choices, chosen, onChoose }: ChoicesProps) {
  if (choices.length > AT_ONCE)
    return (
      <Select
        aria-label={label}
        placeholder="Choose one"
        data={choices.map(({ id }) => ({ value: id, label: visible(id) }))}
        value={chosen ?? null}
        onChange={(id) => id !== null && onChoose(id)}
        searchable
        size="xs"
        w={300}
        mt={6}
        data-testid="repair-choices"
      />
    )
  return (
    <Radio.Group aria-label={label} value={chosen ?? null} onChange={onChoose} className={classes.choices}>
      {choices.map((choice) => (
        <Radio
          key={choice.id}
          value={choice.id}
          size="xs"
          className={classes.choice}
          label={
            <>
              <SafeText>{nameOf(choice)}</SafeText>
              <span className={classes.why}>
                <SafeText>{withoutName(choice)}</SafeText>
              </span>
            </>
          }
          data-testid="repair-choice"
        />
      ))}
    </Radio.Group>
  )
}

/** A shape is called as it is written, a place that values come from by its name. */
function nameOf({ id, after }: Choice): string {
  return after !== undefined && after.replace(/[^\d,]/g, '') === id ? after : id
}

/** What speaks for it, without saying again what it is. */
function withoutName({ id, evidence }: Choice): string {
  return evidence.startsWith(`${id}, `) ? evidence.slice(id.length + 2) : evidence
}
