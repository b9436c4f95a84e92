import { RESUME, RESUME_LEVELS, type ResumeLevel } from '../shared/resume'
import classes from './resume-scale.module.css'

/** Where on the way from nothing to everything resuming would be. */
export function ResumeScale({ level }: { level: ResumeLevel }) {
  const reached = RESUME_LEVELS.indexOf(level)
  return (
    <figure className={classes.scale} data-level={level} data-testid="resume-level">
      <figcaption>
        Resuming: <strong>{RESUME[level].name}</strong>
      </figcaption>
      <div aria-hidden>
        {RESUME_LEVELS.slice(1).map((step, i) => (
          <span key={step} data-on={i < reached} title={RESUME[step].name} />
        ))}
      </div>
    </figure>
  )
}
