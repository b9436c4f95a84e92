import { Button } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import { useApi } from '../../api/context'
import { formatBytes, formatCount } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import type { ExportResult } from './export-panel'
import classes from './repair-view.module.css'

export function ExportSummary({ result }: { result: ExportResult }) {
  const { bridge } = useApi()
  const { out, files, tensors, bytes, left } = result
  return (
    <div className={classes.result} data-testid="export-result">
      <p className={classes.done}>
        <IconCircleCheck size={16} aria-hidden /> {formatCount(tensors)} tensors, {formatBytes(bytes)} in{' '}
        {formatCount(files.length)} {files.length === 1 ? 'file' : 'files'}
      </p>
      <p>
        <SafeText>{out}</SafeText>
      </p>
      {left.length > 0 && (
        <details className={classes.files} open>
          <summary>{formatCount(left.length)} left out</summary>
          <ul>
            {left.slice(0, 50).map(({ name, why }) => (
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
      )}
      <div className={classes.buttons}>
        <Button variant="default" onClick={() => bridge.showInFolder(out)}>
          Show in folder
        </Button>
      </div>
    </div>
  )
}
