import { Button, Checkbox, TextInput } from '@mantine/core'
import { useState } from 'react'
import { SafeText, visible } from '../../ui/safe-text'
import { Tag, type Tone } from '../../ui/tag'
import classes from './plan-step.module.css'
import { parseShape } from './shape'
import type { PlanStep } from './use-plan'

const CONFIDENCE: Record<PlanStep['confidence'], { word: string; tone: Tone; means: string }> = {
  certain: { word: 'certain', tone: 'good', means: 'Follows from the files alone' },
  likely: { word: 'likely', tone: 'info', means: 'The evidence speaks for it; look at it' },
  ask: { word: 'needs you', tone: 'warn', means: 'More than one answer fits: it will not be guessed' },
  refused: { word: 'will not be done', tone: 'neutral', means: 'It would make things worse' },
}

interface PlanStepRowProps {
  step: PlanStep
  refused: boolean
  /** Its shape is the one that was picked or typed. */
  given: boolean
  onRefuse: () => void
  onShape: (shape: number[] | undefined) => void
}

export function PlanStepRow({ step, refused, given, onRefuse, onShape }: PlanStepRowProps) {
  const { kind, subject, evidence, confidence, before, after, lost = [], choices = [] } = step
  // The command names its flag; here there is a field.
  const action = step.action.replace(/: --shape .*$/s, '')
  const { word, tone, means } = CONFIDENCE[confidence]
  const canDo = confidence === 'certain' || confidence === 'likely'
  return (
    <li
      className={classes.step}
      data-refused={refused || !canDo}
      data-testid="repair-plan-step"
      data-kind={kind}
      data-subject={subject}
      data-confidence={confidence}
    >
      <Checkbox
        checked={canDo && !refused}
        disabled={!canDo}
        onChange={onRefuse}
        aria-label={`Do step ${step.step}: ${visible(action)}`}
        className={classes.check}
      />
      <div className={classes.body}>
        <p className={classes.action}>
          <SafeText>{action}</SafeText>
          <Tag tone={tone} title={means}>
            {word}
          </Tag>
        </p>
        <p className={classes.subject}>
          <code>
            <SafeText>{subject}</SafeText>
          </code>
          {before !== undefined && after !== undefined && (
            <span className={classes.change}>
              <SafeText>{before}</SafeText> → <strong>{<SafeText>{after}</SafeText>}</strong>
            </span>
          )}
        </p>
        <p className={classes.evidence}>
          <SafeText>{evidence}</SafeText>
        </p>
        {given && (
          <Button size="compact-xs" variant="subtle" onClick={() => onShape(undefined)} data-testid="repair-take-back">
            Take this shape back
          </Button>
        )}
        {lost.map((line) => (
          <p key={line} className={classes.evidence}>
            Lost: <SafeText>{line}</SafeText>
          </p>
        ))}
        {confidence === 'ask' && kind === 'reshape' && (
          <ShapeInput subject={subject} choices={choices} onShape={onShape} />
        )}
      </div>
    </li>
  )
}

interface ShapeInputProps {
  subject: string
  choices: NonNullable<PlanStep['choices']>
  onShape: PlanStepRowProps['onShape']
}

/** A shape, picked among those that something speaks for or typed. */
function ShapeInput({ subject, choices, onShape }: ShapeInputProps) {
  const [text, setText] = useState('')
  const shape = parseShape(text)
  const isWrong = text.trim() !== '' && !shape
  return (
    <div className={classes.shapes}>
      {choices.map(({ id, after }) => (
        <Button
          key={id}
          size="compact-sm"
          variant="default"
          onClick={() => onShape(parseShape(id))}
          data-testid="repair-candidate"
        >
          {after ?? id}
        </Button>
      ))}
      <TextInput
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => !isWrong && text.trim() !== '' && onShape(shape)}
        onKeyDown={(event) => event.key === 'Enter' && !isWrong && onShape(shape)}
        error={isWrong && 'Numbers with commas between them, such as 1280, 128, 3'}
        placeholder={choices.length > 0 ? 'or another: 1280, 128, 3' : '1280, 128, 3'}
        aria-label={`Shape of ${visible(subject)}`}
        w={220}
        data-testid="repair-shape"
      />
    </div>
  )
}
