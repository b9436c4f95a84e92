import { Spotlight } from '@mantine/spotlight'
import { IconSearch } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useTensorRows } from '../../api/tensors'
import { tensorPalette, tensorStore } from '../../commands/stores'
import { formatCount, formatShape } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import { matcherOf } from '../tensors/search'
import classes from './palette.module.css'

const SHOWN = 40

/** Any tensor by a few letters of its name. */
export function GoToTensor({ checkpoint }: { checkpoint: OpenedCheckpoint }) {
  const workspace = useWorkspace()
  const [query, setQuery] = useState('')
  const { rows } = useTensorRows(checkpoint)
  const found = useMemo(() => {
    // Not deferred: the palette chooses the first of the list that comes with the query.
    const { matches } = matcherOf(query)
    return rows.filter((row) => matches(row.name))
  }, [rows, query])
  return (
    <Spotlight.Root
      store={tensorStore}
      shortcut={null}
      query={query}
      onQueryChange={setQuery}
      classNames={classes}
      title="Go to tensor"
      scrollable
      overlayProps={{ backgroundOpacity: 0.3, blur: 0 }}
      transitionProps={{ duration: 80 }}
      maxHeight="56vh"
      centered={false}
      yOffset="12vh"
    >
      <Spotlight.Search
        placeholder="Words of its name, * and ? for the whole name, or /regex/"
        aria-label="Find a tensor"
        leftSection={<IconSearch size={16} aria-hidden />}
        onKeyDown={(event) => {
          const [first] = found
          if (event.key !== 'Enter' || !first || tensorStore.getState().selected >= 0) return
          tensorPalette.close()
          workspace.goTo(first)
        }}
      />
      <Spotlight.ActionsList>
        {found.slice(0, SHOWN).map((row) => (
          <Spotlight.Action key={row.index} onClick={() => workspace.goTo(row)}>
            <span className={classes.tensor}>
              <SafeText>{row.name}</SafeText>
            </span>
            <span className={classes.soft}>
              {row.dtype} {formatShape(row.shape)}
            </span>
          </Spotlight.Action>
        ))}
        {found.length === 0 && <Spotlight.Empty>No tensor of that name</Spotlight.Empty>}
        {found.length > SHOWN && (
          <div className={classes.more}>and {formatCount(found.length - SHOWN)} more: type on to narrow them down</div>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  )
}
