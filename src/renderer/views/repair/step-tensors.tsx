import { useState } from 'react'
import type { PlanStep, TensorChange } from '../../../contract/schemas'
import { formatBytes, formatCount, formatShape } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { BeforeAfter } from './before-after'
import classes from './step-tensors.module.css'
import type { PlanInput } from './use-plan'

interface StepTensorsProps {
  /** As it would be carried out. */
  step: PlanStep
  input: PlanInput
}

/** The tensors that a step changes or adds, each with its values before and after on demand. */
export function StepTensors({ step, input }: StepTensorsProps) {
  const { tensors = [], tensorCount = 0 } = step
  const [opened, setOpened] = useState(false)
  if (tensors.length === 0) return null
  const alone = tensors.length === 1
  return (
    <details className={classes.tensors} onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary data-testid="repair-before-after">
        {alone ? 'Before and after' : `${formatCount(tensorCount)} tensors, before and after`}
      </summary>
      {opened && alone && tensors[0] && <One change={tensors[0]} step={step} index={0} input={input} />}
      {opened && !alone && (
        <ul>
          {tensors.map((change, index) => (
            <Line key={`${change.file} ${change.after.name}`} change={change} step={step} index={index} input={input} />
          ))}
        </ul>
      )}
      {opened && tensorCount > tensors.length && (
        <p className={classes.soft}>and {formatCount(tensorCount - tensors.length)} more</p>
      )}
    </details>
  )
}

interface LineProps {
  change: TensorChange
  step: PlanStep
  /** Position among the step's tensors. */
  index: number
  input: PlanInput
}

function Line(props: LineProps) {
  const { before, after } = props.change
  const [opened, setOpened] = useState(false)
  return (
    <li>
      <details onToggle={(event) => setOpened(event.currentTarget.open)}>
        <summary>
          <code>
            {before && before.name !== after.name && (
              <>
                <SafeText>{before.name}</SafeText> →{' '}
              </>
            )}
            <SafeText>{after.name}</SafeText>
          </code>{' '}
          <span className={classes.soft}>{shortOf(props.change)}</span>
        </summary>
        {opened && <One {...props} />}
      </details>
    </li>
  )
}

function One({ change, step, index, input }: LineProps) {
  return <BeforeAfter change={change} evidence={step.evidence} ask={{ ...input, step: step.step, tensor: index }} />
}

/** What changes of dtype, shape and bytes. */
function shortOf({ before, after }: TensorChange): string {
  const of = ({ dtype, shape, bytes }: TensorChange['after']) => `${dtype} ${formatShape(shape)}, ${formatBytes(bytes)}`
  return before === undefined ? of(after) : of(before) === of(after) ? of(after) : `${of(before)} → ${of(after)}`
}
