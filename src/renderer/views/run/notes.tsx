import type { ReactNode } from 'react'
import type { RunFacts } from '../../../contract/schemas'
import { baseName, formatBytes, formatCount, plural } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './run-view.module.css'

/** What the checkpoints tell only together: attempts gone over again, what a Trainer would pick. */
export function Notes({ facts }: { facts: RunFacts }) {
  const { overlaps, trainerPick, rotation, findings } = facts
  const notes: [key: string, note: ReactNode][] = [
    ...findings.map(({ subject, message }): [string, ReactNode] => [
      `finding ${subject}`,
      <>
        <SafeText>{message}</SafeText>.
      </>,
    ]),
    ...overlaps.map(({ path, name, from, by }): [string, ReactNode] => [
      `overlap ${path}`,
      <>
        <SafeText>{name}</SafeText> is left over from an earlier attempt: <SafeText>{baseName(by)}</SafeText> tells
        another story from step {formatCount(from)} on.
      </>,
    ]),
  ]
  if (trainerPick && !trainerPick.wise) {
    notes.push([
      'pick',
      <>
        A Trainer told to resume would take <SafeText>{trainerPick.name}</SafeText>.{' '}
        <SafeText>{trainerPick.why}</SafeText>
      </>,
    ])
  }
  if (rotation && rotation.removes.length > 0) {
    notes.push([
      'rotation',
      <>
        {rotation.set ? 'The training arguments keep' : 'Keeping'} {plural(rotation.limit, 'checkpoint')}
        {rotation.set ? ': that would remove' : ' would remove'} {formatCount(rotation.removes.length)} of these and
        free {formatBytes(rotation.frees)}.
      </>,
    ])
  }
  if (notes.length === 0) return null
  return (
    <Section title="The run as a whole" testId="run-notes">
      <ul className={classes.notes}>
        {notes.map(([key, note]) => (
          <li key={key}>{note}</li>
        ))}
      </ul>
    </Section>
  )
}
