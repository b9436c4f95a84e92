import { Button, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import type { RepairPlan, RepairResult } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import type { JobState } from '../../api/jobs'
import { busy } from '../../ui/busy'
import { baseName, formatBytes, formatCount } from '../../ui/format'
import { PathField } from '../../ui/path-field'
import { SafeText } from '../../ui/safe-text'
import { isDone } from './answers'
import { besideOf } from './names'
import classes from './repair-view.module.css'

/** A new place, or that of the originals. */
export type Target = { readonly out: string } | { readonly inPlace: true }

interface ApplyProps {
  checkpoint: OpenedCheckpoint
  plan: RepairPlan
  /** The plan in sight is the one that would be carried out. */
  ready: boolean
  job: JobState<RepairResult> | undefined
  onApply: (target: Target) => void
}

/** What would be written and where; then, only on this button, it is. */
export function Apply({ checkpoint, plan, ready, job, onApply }: ApplyProps) {
  const { bridge } = useApi()
  const [out, setOut] = useState(() => besideOf(checkpoint, 'repaired'))
  const [inPlace, setInPlace] = useState(false)
  const steps = plan.plan.filter(isDone).length
  const bytes = plan.files.reduce((sum, file) => sum + file.bytes, 0)
  return (
    <div className={classes.apply}>
      {plan.files.length > 0 && (
        <details className={classes.files}>
          <summary>
            {formatCount(plan.files.length)} {plan.files.length === 1 ? 'file' : 'files'}, {formatBytes(bytes)}
          </summary>
          <ul>
            {plan.files.map((file) => (
              <li key={file.path}>
                <SafeText>{file.path}</SafeText>
                <span className={classes.soft}>
                  {file.action === 'write' ? 'written anew' : 'copied'}, {formatBytes(file.bytes)}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      <fieldset className={classes.fieldset}>
        <legend>Where</legend>
        <SegmentedControl
          aria-label="Where"
          value={inPlace ? 'in place' : 'copy'}
          onChange={(value) => setInPlace(value === 'in place')}
          data={[
            { value: 'copy', label: 'A repaired copy' },
            { value: 'in place', label: 'In place' },
          ]}
        />
      </fieldset>
      {inPlace ? (
        <p className={classes.soft}>
          Each original stays beside the new file under its name with .backup at the end. The repair can be undone.
        </p>
      ) : (
        <PathField
          label="Write to"
          description="A new place: the original stays as it is"
          value={out}
          onChange={setOut}
          browse={() => bridge.chooseSave(baseName(out))}
          testId="repair-out"
        />
      )}
      <div>
        <Button
          variant="filled"
          size="xs"
          disabled={!ready || steps === 0 || (!inPlace && out.trim() === '')}
          {...busy(job?.status === 'running', () => onApply(inPlace ? { inPlace } : { out: out.trim() }))}
          data-testid="repair-apply"
        >
          {inPlace ? 'Repair in place' : 'Write the repaired copy'}
        </Button>
      </div>
    </div>
  )
}
