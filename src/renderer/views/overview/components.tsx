import { IconCheck, IconMinus, IconQuestionMark, IconX } from '@tabler/icons-react'
import type { Component } from '../../../contract/schemas'
import { SafeText, visible } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './components.module.css'

const STATUS = {
  present: { word: 'present', Icon: IconCheck },
  missing: { word: 'missing', Icon: IconQuestionMark },
  damaged: { word: 'damaged', Icon: IconX },
  'not-applicable': { word: 'not applicable', Icon: IconMinus },
} as const satisfies Record<Component['status'], { word: string; Icon: typeof IconX }>

/** What a checkpoint of this kind is made of, and how each part is. */
export function Components({ components }: { components: readonly Component[] }) {
  const expected = components.filter((component) => component.status !== 'not-applicable')
  const others = components.filter((component) => component.status === 'not-applicable')
  return (
    <Section title="Components">
      <ul className={classes.cards}>
        {expected.map((component) => (
          <Card key={component.id} component={component} />
        ))}
      </ul>
      {others.length > 0 && (
        <p className={classes.others}>
          Not applicable here:{' '}
          {others.map(({ id, label, status, note }, i) => (
            <span key={id} data-testid={`component-${id}`} data-status={status} title={note && visible(note)}>
              {label}
              {i < others.length - 1 ? ', ' : ''}
            </span>
          ))}
        </p>
      )}
    </Section>
  )
}

function Card({ component }: { component: Component }) {
  const { id, label, status, files, note } = component
  const { word, Icon } = STATUS[status]
  const where = files.length > 2 ? `${files.length} files` : files.join(', ')
  return (
    <li className={classes.card} data-testid={`component-${id}`} data-status={status}>
      <div className={classes.line}>
        <span className={classes.label}>{label}</span>
        <span className={classes.status}>
          <Icon size={13} stroke={2.2} aria-hidden />
          {word}
        </span>
      </div>
      <p className={classes.note} title={files.map(visible).join('\n')}>
        <SafeText>{note ?? where}</SafeText>
      </p>
    </li>
  )
}
