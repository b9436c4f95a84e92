import type { ReactNode } from 'react'
import { useId } from 'react'
import classes from './section.module.css'

interface SectionProps {
  title: ReactNode
  /** Beside the title, smaller. */
  note?: ReactNode
  /** At the right end of the title's line. */
  actions?: ReactNode
  children: ReactNode
  testId?: string
}

/** A titled part of a view. */
export function Section({ title, note, actions, children, testId }: SectionProps) {
  const id = useId()
  return (
    <section className={classes.section} aria-labelledby={id} data-testid={testId}>
      <header className={classes.head}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {note !== undefined && <span className={classes.note}>{note}</span>}
        {actions !== undefined && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  )
}
