import { type ReactNode, useId } from 'react'
import classes from './stage.module.css'

interface StageProps {
  number: number
  title: string
  /** Not reached yet. */
  waiting?: boolean
  children: ReactNode
}

/** One of the numbered steps of a task. */
export function Stage({ number, title, waiting = false, children }: StageProps) {
  const id = useId()
  return (
    <section className={classes.stage} aria-labelledby={id} data-waiting={waiting}>
      <span className={classes.number} aria-hidden>
        {number}
      </span>
      <div className={classes.body}>
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </section>
  )
}
