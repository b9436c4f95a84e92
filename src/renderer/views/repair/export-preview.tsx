import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ExportPlan } from '../../../contract/schemas'
import { formatBytes, formatCount, plural } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { SafeText } from '../../ui/safe-text'
import classes from './edits.module.css'
import type { ExportPreviewed } from './use-export-plan'

/** So many lines of each kind are listed. */
const LISTED = 100

/** What an export would write, as far as it is worked out. */
export function ExportPreview({ job, plan, stale, cancel, retry }: ExportPreviewed) {
  return (
    <>
      {job?.status === 'running' && (
        <div className={classes.late} data-testid="export-preview-job">
          <JobProgress job={job} cancel={cancel} />
        </div>
      )}
      {job?.status === 'cancelled' && (
        <p className={classes.cancelled}>
          Cancelled: what would be written was not worked out.
          <Button variant="default" onClick={retry} data-testid="export-preview-retry">
            Work it out
          </Button>
        </p>
      )}
      {plan && <Preview plan={plan} stale={stale} />}
    </>
  )
}

/** Names before and after, what is dropped, what rounding does not keep. */
function Preview({ plan, stale }: { plan: ExportPlan; stale: boolean }) {
  const { tensors, files, dropped, warnings, left } = plan
  const changed = tensors.filter(({ was, wasDtype, merged }) => was !== undefined || wasDtype !== undefined || merged)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return (
    <div className={classes.preview} data-stale={stale} data-testid="export-preview">
      <p role="status">
        {plural(tensors.length, 'tensor')} in {plural(files.length, 'file')}, {formatBytes(bytes)}. Nothing is written
        yet.
      </p>
      <Listed title="changed" count={changed.length}>
        {changed.slice(0, LISTED).map((tensor) => (
          <Changed key={`${tensor.file} ${tensor.name}`} tensor={tensor} />
        ))}
      </Listed>
      <Listed title="dropped" count={dropped.length}>
        {dropped.slice(0, LISTED).map((name) => (
          <li key={name}>
            <Name>{name}</Name>
          </li>
        ))}
      </Listed>
      <Listed title="with something to know" count={warnings.length}>
        {warnings.slice(0, LISTED).map((warning) => (
          <Why key={`${warning.name} ${warning.why}`} {...warning} />
        ))}
      </Listed>
      <Listed title="left out" count={left.length}>
        {left.slice(0, LISTED).map((each) => (
          <Why key={`${each.name} ${each.why}`} {...each} />
        ))}
      </Listed>
    </div>
  )
}

function Listed({ title, count, children }: { title: string; count: number; children: ReactNode }) {
  if (count === 0) return null
  return (
    <details open={count <= 12}>
      <summary>
        {formatCount(count)} {title}
      </summary>
      <ul>{children}</ul>
      {count > LISTED && <p className={classes.soft}>and {formatCount(count - LISTED)} more</p>}
    </details>
  )
}

function Changed({ tensor }: { tensor: ExportPlan['tensors'][number] }) {
  const { name, was, dtype, wasDtype, merged } = tensor
  return (
    <li data-testid="preview-changed">
      {was !== undefined && (
        <>
          <Name>{was}</Name> →
        </>
      )}
      <Name>{name}</Name>
      {wasDtype !== undefined && (
        <span className={classes.soft}>
          {wasDtype} → {dtype}
        </span>
      )}
      {merged && <span className={classes.soft}>with the adapter</span>}
    </li>
  )
}

function Why({ name, why }: { name: string; why: string }) {
  return (
    <li>
      <Name>{name}</Name>
      <span className={classes.soft}>
        <SafeText>{why}</SafeText>
      </span>
    </li>
  )
}

function Name({ children }: { children: string }) {
  return (
    <code>
      <SafeText>{children}</SafeText>
    </code>
  )
}
