import type { ReactNode } from 'react'
import type { ExportPlan } from '../../../contract/schemas'
import type { JobAnswer } from '../../api/job-query'
import { AnswerProgress } from '../../ui/answer-progress'
import { formatBytes, formatCount, formatShape, plural } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import classes from './edits.module.css'

/** So many lines of each kind are listed, and so few need not be asked for. */
const LISTED = 100
const OPEN = 24

/** What an export would write, as far as it is worked out. */
export function ExportPreview({ data: plan, stale, problem: _, ...answer }: JobAnswer<ExportPlan>) {
  return (
    <>
      <AnswerProgress
        {...answer}
        missing="what would be written was not worked out."
        again="Work it out"
        testId="export-preview"
      />
      {plan && <Preview plan={plan} stale={stale} />}
    </>
  )
}

/** Files, names before and after, what is dropped, what rounding does not keep. */
function Preview({ plan, stale }: { plan: ExportPlan; stale: boolean }) {
  const { tensors, files, dropped, warnings, left } = plan
  const changed = tensors.filter(isChanged)
  const rest = tensors.filter((tensor) => !isChanged(tensor))
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return (
    <div className={classes.preview} data-stale={stale} data-testid="export-preview">
      <p role="status" className={classes.sum}>
        <strong>
          {plural(tensors.length, 'tensor')} in {plural(files.length, 'file')}, {formatBytes(bytes)}
        </strong>{' '}
        <span className={classes.soft}>Nothing is written yet.</span>
      </p>
      <Listed title="left out" tone="warn" items={left} row={(each) => <Why key={each.name} {...each} />} />
      <Listed
        title="with something to know"
        tone="warn"
        items={warnings}
        row={(each) => <Why key={`${each.name} ${each.why}`} {...each} />}
      />
      <Listed
        title="changed"
        items={changed}
        row={(tensor) => <Changed key={`${tensor.file} ${tensor.name}`} tensor={tensor} />}
      />
      <Listed
        title="as in the checkpoint"
        items={rest}
        row={({ name, file, dtype, shape }) => (
          <Row key={`${file} ${name}`} name={name}>
            {dtype} {formatShape(shape)}
          </Row>
        )}
      />
      <Listed title="dropped" items={dropped} row={(name) => <Row key={name} name={name} />} />
      {files.length > 1 && (
        <Listed
          title="files"
          items={files}
          row={({ path, bytes: size }) => (
            <Row key={path} name={path}>
              {formatBytes(size)}
            </Row>
          )}
        />
      )}
    </div>
  )
}

function isChanged({ was, wasDtype, merged }: ExportPlan['tensors'][number]): boolean {
  return was !== undefined || wasDtype !== undefined || merged === true
}

interface ListedProps<Item> {
  title: string
  tone?: 'warn'
  items: readonly Item[]
  row: (item: Item) => ReactNode
}

function Listed<Item>({ title, tone, items, row }: ListedProps<Item>) {
  if (items.length === 0) return null
  return (
    <details open={items.length <= OPEN}>
      <summary data-tone={tone}>
        {formatCount(items.length)} {title}
      </summary>
      <ul>{items.slice(0, LISTED).map(row)}</ul>
      {items.length > LISTED && <p className={classes.soft}>and {formatCount(items.length - LISTED)} more</p>}
    </details>
  )
}

function Changed({ tensor }: { tensor: ExportPlan['tensors'][number] }) {
  const { name, was, dtype, wasDtype, merged } = tensor
  const notes = [...(wasDtype === undefined ? [] : [`${wasDtype} → ${dtype}`]), ...(merged ? ['with the adapter'] : [])]
  return (
    <Row name={name} was={was} testId="preview-changed">
      {notes.join(', ')}
    </Row>
  )
}

function Why({ name, why }: { name: string; why: string }) {
  return (
    <Row name={name}>
      <SafeText>{why}</SafeText>
    </Row>
  )
}

interface RowProps {
  name: string
  was?: string | undefined
  testId?: string
  children?: ReactNode
}

/** A name, before it the one that it had, and beside it what there is to say. */
function Row({ name, was, testId, children }: RowProps) {
  return (
    <li data-testid={testId} data-renamed={was !== undefined}>
      {was !== undefined && (
        <span className={classes.was}>
          <code>
            <SafeText>{was}</SafeText>
          </code>
          <span>→</span>
        </span>
      )}
      <code>
        <SafeText>{name}</SafeText>
      </code>
      <span className={classes.soft}>{children}</span>
    </li>
  )
}
