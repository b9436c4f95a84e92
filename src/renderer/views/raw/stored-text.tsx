import { Box, Button } from '@mantine/core'
import type { StoredText } from '../../../contract/schemas'
import { useText } from '../../api/outline'
import { problemOf } from '../../api/problem'
import { ErrorPanel } from '../../ui/error-panel'
import { keyed } from '../../ui/keyed'
import { Pending } from '../../ui/pending'
import { SafeText } from '../../ui/safe-text'
import classes from './stored-text.module.css'

/** A text as the archive has it. It is read and never run. */
export function StoredTextPane({ id, text }: { id: string; text: StoredText }) {
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useText(id, text)
  if (isPending) {
    return (
      <div className={classes.padded}>
        <Pending lines={6} />
      </div>
    )
  }
  if (error) {
    return (
      <div className={classes.padded}>
        <ErrorPanel problem={problemOf(error)} retry={() => refetch()} />
      </div>
    )
  }
  const lines = data.pages
    .map((page) => page.text)
    .join('')
    .split(/\r?\n/)
  return (
    // It scrolls, so the keyboard must reach it.
    <Box className={classes.text} tabIndex={0} role="region" aria-label={text.path} data-testid="raw-text">
      <pre>
        {keyed(lines).map(({ key, item }) => (
          <div key={key}>
            <SafeText>{item}</SafeText>
          </div>
        ))}
      </pre>
      {hasNextPage && (
        <Button size="compact-xs" variant="default" loading={isFetchingNextPage} onClick={() => fetchNextPage()}>
          Show more
        </Button>
      )}
    </Box>
  )
}
