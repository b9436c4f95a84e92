import type { OpenedCheckpoint } from '../../../contract/contract'
import { SafeText } from '../../ui/safe-text'
import { DeepCheck } from '../shared/deep-check'
import { RESUME } from '../shared/resume'
import { VERDICTS } from '../shared/verdict'
import { ResumeScale } from './resume-scale'
import classes from './verdict-panel.module.css'

/** One word, one sentence, why, and the way to a surer answer. */
export function VerdictPanel({ checkpoint }: { checkpoint: OpenedCheckpoint }) {
  const { verification } = checkpoint
  const { word, tone, Icon } = VERDICTS[verification.verdict]
  return (
    <section className={classes.panel} data-tone={tone} aria-label="Verdict">
      <div className={classes.head}>
        <Icon size={34} stroke={1.6} className={classes.icon} aria-hidden />
        <div className={classes.words}>
          <h2 className={classes.word} data-testid="verdict" data-verdict={verification.verdict}>
            {word}
          </h2>
          <p className={classes.sentence}>{RESUME[verification.resume.level].sentence}</p>
        </div>
        <ResumeScale level={verification.resume.level} />
      </div>
      {verification.resume.why.length > 0 && (
        <ul className={classes.why}>
          {verification.resume.why.map((reason) => (
            <li key={reason}>
              <SafeText>{reason}</SafeText>
            </li>
          ))}
        </ul>
      )}
      {checkpoint.tensorCount > 0 && (
        <div className={classes.deep}>
          <DeepCheck checkpoint={checkpoint} />
        </div>
      )}
    </section>
  )
}
