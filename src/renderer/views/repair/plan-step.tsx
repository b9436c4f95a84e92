import { Button, Checkbox } from '@mantine/core'
import { NONE } from '../../../contract/plan-file'
import type { PlanStep } from '../../../contract/schemas'
import { formatCount } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Tag, type Tone } from '../../ui/tag'
import { isDone } from './answers'
import { AT_ONCE, Choices } from './choices'
import classes from './plan-step.module.css'
import { ShapeField } from './shape-field'
import { StepTensors } from './step-tensors'
import type { PlanInput } from './use-plan'

const CONFIDENCE: Record<PlanStep['confidence'], { word: string; tone: Tone; means: string }> = {
  certain: { word: 'certain', tone: 'good', means: 'Follows from the files alone' },
  likely: { word: 'likely', tone: 'info', means: 'The evidence speaks for it; look at it' },
  ask: { word: 'needs you', tone: 'warn', means: 'More than one answer fits: it will not be guessed' },
  refused: { word: 'will not be done', tone: 'neutral', means: 'It would make things worse' },
}

interface PlanStepRowProps {
  /** As Assay proposes it. */
  proposed: PlanStep
  /** As it is with the answer. */
  step: PlanStep
  /** Id of a choice, `none`, or nothing yet. */
  answer: string | undefined
  /** The shape that was typed for its subject. */
  given: readonly number[] | undefined
  /** What the plan was asked for with. */
  input: PlanInput
  onAnswer: (answer: string | undefined) => void
  onShape: (shape: number[] | undefined) => void
}

/** One step: what would be done, on which evidence, and what the user can say about it. */
export function PlanStepRow({ proposed, step, answer, given, input, onAnswer, onShape }: PlanStepRowProps) {
  const { kind, subject, choices = [], lost = [] } = proposed
  const refused = answer === NONE
  const shown = refused ? proposed : step
  const { word, tone, means } = CONFIDENCE[shown.confidence]
  const canDo = isDone(shown)
  const chosen = shown.chosen !== undefined
  const asks = proposed.confidence === 'ask'
  const takesShape = (asks && kind === 'reshape') || given !== undefined
  // Of a step that asks, no answer is as good as refusing it.
  const toggle = () => onAnswer(asks || refused ? undefined : NONE)
  return (
    <li
      className={classes.step}
      tabIndex={-1}
      aria-label={`Step ${proposed.step}: ${visible(shown.action)}`}
      data-refused={refused || !canDo}
      data-testid="repair-plan-step"
      data-kind={kind}
      data-subject={subject}
      data-confidence={shown.confidence}
    >
      <Checkbox
        checked={canDo && !refused}
        disabled={!canDo && !refused}
        onChange={toggle}
        aria-label={`Do step ${proposed.step}: ${visible(shown.action)}`}
        className={classes.check}
      />
      <div className={classes.body}>
        <p className={classes.action}>
          <Action text={shown.action} subject={subject} />
          <Change step={shown} />
          <Tag tone={refused ? 'neutral' : tone} title={means} data-testid="repair-confidence">
            {refused ? 'refused by you' : chosen ? 'chosen by you' : word}
          </Tag>
        </p>
        {!(chosen && choices.length <= AT_ONCE) && (
          <p className={classes.evidence}>
            <SafeText>{shown.evidence}</SafeText>
          </p>
        )}
        <Lost lines={lost} />
        {choices.length > 0 && !refused && given === undefined && (
          <Choices
            label={`What to take for ${visible(subject)}`}
            choices={choices}
            chosen={answer ?? (asks ? undefined : choices[0]?.id)}
            onChoose={onAnswer}
          />
        )}
        {canDo && !refused && <StepTensors step={step} input={input} />}
        {takesShape && (
          <ShapeField
            subject={subject}
            given={given}
            error={given !== undefined && !canDo ? shown.evidence : undefined}
            others={choices.length > 0}
            onShape={onShape}
          />
        )}
        {given !== undefined && (
          <Button size="compact-xs" variant="subtle" onClick={() => onShape(undefined)} data-testid="repair-take-back">
            Take this shape back
          </Button>
        )}
      </div>
    </li>
  )
}

/** What the result will not have: all of it where it is little, else on demand. */
function Lost({ lines }: { lines: readonly string[] }) {
  if (lines.length <= 3)
    return lines.map((line) => (
      <p key={line} className={classes.evidence}>
        Lost: <SafeText>{line}</SafeText>
      </p>
    ))
  return (
    <details className={classes.evidence}>
      <summary>Lost: {formatCount(lines.length)}</summary>
      <ul className={classes.lost}>
        {lines.map((line) => (
          <li key={line}>
            <SafeText>{line}</SafeText>
          </li>
        ))}
      </ul>
    </details>
  )
}

/** The sentence with its subject set off; beside it where the sentence does not say it. */
function Action({ text, subject }: { text: string; subject: string }) {
  const at = text.indexOf(subject)
  if (at < 0)
    return (
      <>
        <span>
          <SafeText>{text}</SafeText>
        </span>
        <code>
          <SafeText>{subject}</SafeText>
        </code>
      </>
    )
  return (
    <span>
      <SafeText>{text.slice(0, at)}</SafeText>
      <code>
        <SafeText>{subject}</SafeText>
      </code>
      <SafeText>{text.slice(at + subject.length)}</SafeText>
    </span>
  )
}

/** Before and after, as far as the sentence does not say it. */
function Change({ step: { action, before, after } }: { step: PlanStep }) {
  if (before === undefined || after === undefined || before === after) return null
  return (
    <span className={classes.change}>
      <SafeText>{action.endsWith(after) ? `was ${before}` : `${before} → ${after}`}</SafeText>
    </span>
  )
}
