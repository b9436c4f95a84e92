import { SegmentedControl } from '@mantine/core'
import type { ExportOffers } from '../../../contract/schemas'
import type { Edits } from './edits'
import classes from './repair-view.module.css'

interface TiedWeightsProps {
  value: Edits['ties']
  onChange: (ties: Edits['ties']) => void
  offers: ExportOffers | undefined
  format: 'safetensors' | 'torch'
}

/** What becomes of tensors that are one, or ought to be; asked only where there are such. */
export function TiedWeights({ value, onChange, offers, format }: TiedWeightsProps) {
  const ways: { value: Edits['ties']; label: string }[] = [
    { value: 'as they are', label: 'As they are' },
    ...(offers?.tie ? [{ value: 'tie' as const, label: 'Tie head and embedding' }] : []),
    ...(offers?.untie && format === 'torch' ? [{ value: 'untie' as const, label: 'Values of their own' }] : []),
  ]
  if (ways.length === 1) return null
  return (
    <fieldset className={classes.fieldset}>
      <legend>Tied weights</legend>
      <SegmentedControl
        aria-label="Tied weights"
        value={ways.some((way) => way.value === value) ? value : 'as they are'}
        onChange={(next) => onChange(ways.find((way) => way.value === next)?.value ?? 'as they are')}
        data={ways}
        data-testid="export-ties"
      />
    </fieldset>
  )
}
