import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconAlertTriangle, IconChevronRight } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useApi } from '../api/context'
import { type Problem, reportOf } from '../api/problem'
import classes from './error-panel.module.css'
import { formatCount } from './format'
import { SafeText } from './safe-text'

interface ErrorPanelProps {
  problem: Problem
  retry?: () => void
  actions?: ReactNode
}

/** What is wrong, what can be done, and, folded, what a report needs. */
export function ErrorPanel({ problem, retry, actions }: ErrorPanelProps) {
  const { bridge } = useApi()
  const clipboard = useClipboard()
  return (
    <div className={classes.panel} role="alert" data-testid="error-panel">
      <IconAlertTriangle size={18} className={classes.icon} aria-hidden />
      <div className={classes.body}>
        <p className={classes.title}>
          <SafeText>{problem.title}</SafeText>
        </p>
        {problem.hint && (
          <p className={classes.hint}>
            <SafeText>{problem.hint}</SafeText>
          </p>
        )}
        <details className={classes.details}>
          <summary>
            <IconChevronRight size={13} aria-hidden /> Technical detail
          </summary>
          <dl>
            <dt>Code</dt>
            <dd>{problem.code}</dd>
            {problem.file !== undefined && (
              <>
                <dt>File</dt>
                <dd>
                  <SafeText>{problem.file}</SafeText>
                </dd>
              </>
            )}
            {problem.offset !== undefined && (
              <>
                <dt>Offset</dt>
                <dd>{formatCount(problem.offset)}</dd>
              </>
            )}
          </dl>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => clipboard.copy(reportOf(problem, bridge.versions))}
          >
            {clipboard.copied ? 'Copied' : 'Copy'}
          </Button>
        </details>
        {(retry || actions) && (
          <div className={classes.actions}>
            {retry && (
              <Button variant="default" onClick={retry}>
                Try again
              </Button>
            )}
            {actions}
          </div>
        )}
      </div>
    </div>
  )
}
