import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { SafeText, visible } from '../../ui/safe-text'
import { parseShape } from './shape'

interface ShapeFieldProps {
  subject: string
  /** The shape that holds. */
  given: readonly number[] | undefined
  /** Why that one cannot be. */
  error: string | undefined
  /** There are others to choose from. */
  others: boolean
  onShape: (shape: number[]) => void
}

/** A shape to be typed. */
export function ShapeField({ subject, given, error, others, onShape }: ShapeFieldProps) {
  const [text, setText] = useState(given?.join(', ') ?? '')
  const shape = parseShape(text)
  const isWrong = text.trim() !== '' && !shape
  const isGiven = shape !== undefined && shape.join() === given?.join()
  const take = () => {
    if (shape && !isGiven) onShape(shape)
  }
  return (
    <TextInput
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={take}
      onKeyDown={(event) => event.key === 'Enter' && take()}
      error={
        isWrong
          ? 'Numbers with commas between them, such as 1280, 128, 3'
          : isGiven && error !== undefined && <SafeText>{error}</SafeText>
      }
      placeholder={others ? 'or another: 1280, 128, 3' : '1280, 128, 3'}
      aria-label={`Shape of ${visible(subject)}`}
      w={260}
      mt={6}
      data-testid="repair-shape"
    />
  )
}
