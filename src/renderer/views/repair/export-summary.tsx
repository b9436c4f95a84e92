import { Button } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import type { ExportResult } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { formatBytes, formatCount, plural } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import classes from './repair-view.module.css'

export function ExportSummary({ result }: { result: ExportResult }) {
  const { bridge } = useApi()
  const { out, files, tensors, left, warnings } = result
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return (
    <div className={classes.result} data-testid="export-result">
      <p className={classes.done}>
        <IconCircleCheck size={16} aria-hidden /> {plural(tensors, 'tensor')} in {plural(files.length, 'file')},{' '}
        {formatBytes(bytes)}
      </p>
      <p>
        <SafeText>{out}</SafeText>
      </p>
      <Named title="left out" tensors={left} />
      <Named title="written as they are: repair first" tensors={warnings} />
      <div className={classes.buttons}>
        <Button variant="default" onClick={() => bridge.showInFolder(out)}>
          Show in folder
        </Button>
      </div>
    </div>
  )
}

function Named({ title, tensors }: { title: string; tensors: ExportResult['left'] }) {
  if (tensors.length === 0) return null
  return (
    <details className={classes.files} open>
      <summary>
        {formatCount(tensors.length)} {title}
      </summary>
      <ul>
        {tensors.slice(0, 50).map(({ name, why }) => (
          <li key={name}>
            <code>
              <SafeText>{name}</SafeText>
            </code>
            <span className={classes.soft}>
              <SafeText>{why}</SafeText>
            </span>
          </li>
        ))}
      </ul>
    </details>
  )
}
