import { Button, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconDownload, IconSearch } from '@tabler/icons-react'
import { formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { ScopeChip } from '../shared/scope-chip'
import { SEARCH_HELP } from '../tensors/search'
import classes from './compare-view.module.css'

interface ReportBarProps {
  text: string
  onText: (text: string) => void
  shown: number
  total: number
  /** The module that the rows are of. */
  scope: string | null
  onLeaveScope: () => void
  showsAll: boolean
  onShowAll: () => void
  /** To the next difference, or the one before. */
  onStep: (by: 1 | -1) => void
  onSave: () => void
}

/** What of the comparison is listed, and the ways through it. */
export function ReportBar(props: ReportBarProps) {
  const { text, onText, shown, total, scope, onLeaveScope, showsAll, onShowAll, onStep, onSave } = props
  return (
    <div className={classes.bar}>
      <TextInput
        value={text}
        onChange={(event) => onText(event.currentTarget.value)}
        placeholder="Words, * ? or /regex/"
        title={SEARCH_HELP}
        aria-label="Find a tensor"
        leftSection={<IconSearch size={14} aria-hidden />}
        spellCheck={false}
        flex="1 1 110px"
        maw={190}
      />
      {scope !== null && <ScopeChip module={scope} onLeave={onLeaveScope} />}
      <span className={classes.soft} aria-live="polite" data-testid="compare-count">
        {formatCount(shown)} of {formatCount(total)}
      </span>
      <Button
        size="compact-xs"
        variant="subtle"
        aria-pressed={showsAll}
        onClick={onShowAll}
        data-testid="compare-unchanged"
      >
        {showsAll ? 'Hide unchanged' : 'Show unchanged'}
      </Button>
      <span className={classes.ways}>
        <IconAction label="Previous difference" keys="," onClick={() => onStep(-1)}>
          <IconArrowUp size={15} />
        </IconAction>
        <IconAction label="Next difference" keys="." onClick={() => onStep(1)}>
          <IconArrowDown size={15} />
        </IconAction>
        <IconAction label="Save the differences as CSV" onClick={onSave}>
          <IconDownload size={15} />
        </IconAction>
      </span>
    </div>
  )
}
