import { NumberInput, SegmentedControl } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ExportOffers } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { PathField } from '../../ui/path-field'
import type { Edits } from './edits'
import classes from './repair-view.module.css'

interface WhatToExportProps {
  edits: Edits
  onChange: (edits: Edits) => void
  offers: ExportOffers | undefined
  /** What is wrong with the base. */
  error: ReactNode
}

/** All of it, or what it has of an adapter; asked only where it has one. */
export function WhatToExport({ edits, onChange, offers, error }: WhatToExportProps) {
  const { bridge } = useApi()
  const parts = partsOf(offers)
  if (parts.length === 0) return null
  return (
    <>
      <fieldset className={classes.fieldset}>
        <legend>What</legend>
        <SegmentedControl
          aria-label="What"
          value={edits.part}
          onChange={(value) => onChange({ ...edits, part: parts.find((part) => part.value === value)?.value ?? 'all' })}
          data={parts}
          data-testid="export-part"
        />
      </fieldset>
      {edits.part === 'adapter' && offers?.onlyAdapter?.alpha && (
        <NumberInput
          label="LoRA alpha"
          description="Its scaling is alpha / rank. No adapter_config.json tells it"
          value={edits.alpha}
          onChange={(value) => onChange({ ...edits, alpha: typeof value === 'number' && value > 0 ? value : '' })}
          min={0}
          placeholder="16"
          data-testid="export-alpha"
        />
      )}
      {edits.part === 'merged' && (
        <PathField
          label="Base model"
          description="The model that this adapter was trained on"
          placeholder="Path of a file or folder"
          value={edits.base}
          onChange={(base) => onChange({ ...edits, base })}
          browse={bridge.chooseFolder}
          error={error}
          testId="edit-base"
        />
      )}
    </>
  )
}

function partsOf(offers: ExportOffers | undefined): { value: Edits['part']; label: string }[] {
  if (offers?.merge)
    return [
      { value: 'all', label: 'The adapter by itself' },
      { value: 'merged', label: 'Merged into its base' },
    ]
  if (offers?.onlyAdapter)
    return [
      { value: 'all', label: 'The whole model' },
      { value: 'adapter', label: 'Only its LoRA adapter' },
    ]
  return []
}
