import { useCheckpoint } from '../../workspace/hooks'
import { CheckpointFacts } from './checkpoint-facts'
import { Components } from './components'
import { Findings } from './findings'
import { LossGlance } from './loss-glance'
import classes from './overview-view.module.css'
import { VerdictPanel } from './verdict-panel'

/** The answer first, then what it rests on. */
export function OverviewView() {
  const checkpoint = useCheckpoint()
  return (
    <div className={classes.view}>
      <div className={classes.main}>
        <VerdictPanel checkpoint={checkpoint} />
        <Components components={checkpoint.verification.components} />
        <Findings verification={checkpoint.verification} />
      </div>
      <aside className={classes.aside} aria-label="Facts">
        <CheckpointFacts checkpoint={checkpoint}>
          <LossGlance checkpoint={checkpoint} />
        </CheckpointFacts>
      </aside>
    </div>
  )
}
