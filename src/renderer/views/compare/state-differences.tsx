import { Box } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import type { DiffReport } from '../../api/compare'
import { formatCount } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import classes from './compare-view.module.css'

/** What differs beside the tensors: steps, learning rates, hyperparameters. */
export function StateDifferences({ state }: { state: DiffReport['state'] }) {
  const different = state.filter((entry) => !entry.same)
  if (different.length === 0) return null
  return (
    <details className={classes.state} open={different.length <= 4} data-testid="state-differences">
      <summary>
        <IconChevronRight size={14} aria-hidden />
        Training state: {formatCount(different.length)} {different.length === 1 ? 'difference' : 'differences'}
      </summary>
      <Box className={classes.stateTable} role="region" aria-label="Differences of the training state" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Left</th>
              <th scope="col">Right</th>
            </tr>
          </thead>
          <tbody>
            {different.map(({ what, a, b }) => (
              <tr key={what}>
                <th scope="row">
                  <SafeText>{what}</SafeText>
                </th>
                <td>
                  <SafeText>{textOf(a)}</SafeText>
                </td>
                <td>
                  <SafeText>{textOf(b)}</SafeText>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Box>
    </details>
  )
}

const LONGEST = 160

function textOf(value: unknown): string {
  if (value === undefined || value === null) return 'none'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
