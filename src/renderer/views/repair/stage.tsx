import { type ReactNode, useId } from 'react'
import classes from './stage.module.css'

interface StageProps {
  number: number
  title: string
  /** Not reached yet. */
  waiting?: boolean
  /** Beside the title. */
  actions?: ReactNode
  children: ReactNode
}

/** One of the numbered steps of a task. */
export function Stage({ number, title, waiting = false, actions, children }: StageProps) {
  const id = useId()
  return (
    <section className={classes.stage} aria-labelledby={id} data-waiting={waiting}>
      <span className={classes.number} aria-hidden>
        {number}
      </span>
      <div className={classes.body}>
        <header className={classes.head}>
          <h2 id={id}>{title}</h2>
          {actions}
        </header>
        {children}
      </div>
    </section>
  )
}
