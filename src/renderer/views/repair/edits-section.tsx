import { Button, Checkbox, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { ExportOptions } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { IconAction } from '../../ui/icon-action'
import { PathField } from '../../ui/path-field'
import type { Edits, Field } from './edits'
import classes from './edits.module.css'

interface EditsSectionProps {
  edits: Edits
  onChange: (edits: Edits) => void
  format: NonNullable<ExportOptions['format']>
  /** It is an adapter, which can be merged. */
  isAdapter: boolean
  open: boolean
  onOpen: (open: boolean) => void
  /** What is wrong with one of the fields. */
  error: { field: Field; text: ReactNode } | undefined
}

/** Which tensors are written and under which names. */
export function EditsSection(props: EditsSectionProps) {
  const { edits, onChange, format, isAdapter, open, onOpen, error } = props
  const { bridge } = useApi()
  const at = (field: Field) => (error?.field === field ? error.text : undefined)
  const text = (field: 'keep' | 'drop' | 'stripPrefix' | 'addPrefix', label: string, placeholder: string) => (
    <TextInput
      label={label}
      placeholder={placeholder}
      value={edits[field]}
      onChange={(event) => onChange({ ...edits, [field]: event.currentTarget.value })}
      error={field === 'addPrefix' ? undefined : at(field)}
      spellCheck={false}
      data-testid={`edit-${field}`}
    />
  )
  return (
    <details className={classes.edits} open={open} onToggle={(event) => onOpen(event.currentTarget.open)}>
      <summary data-testid="edits">Edits</summary>
      <div className={classes.fields}>
        {text('keep', 'Keep only', 'encoder.*, *.bias')}
        {text('drop', 'Drop', '*.lora_*')}
        {text('stripPrefix', 'Strip prefix', 'module.')}
        {text('addPrefix', 'Add prefix', 'model.')}
      </div>
      <Renames edits={edits} onChange={onChange} at={at} />
      {format === 'torch' && (
        <Checkbox
          label="Untie: every tensor gets values of its own"
          checked={edits.untie}
          onChange={(event) => onChange({ ...edits, untie: event.currentTarget.checked })}
        />
      )}
      {isAdapter && (
        <PathField
          label="Merge into"
          description="The base model of this adapter: the merged model is what is written"
          value={edits.base}
          onChange={(base) => onChange({ ...edits, base })}
          browse={bridge.chooseFolder}
          error={at('base')}
          testId="edit-base"
        />
      )}
    </details>
  )
}

function Renames({
  edits,
  onChange,
  at,
}: Pick<EditsSectionProps, 'edits' | 'onChange'> & { at: (field: Field) => ReactNode }) {
  const { rename } = edits
  const change = (id: number, part: { pattern?: string; to?: string }) =>
    onChange({ ...edits, rename: rename.map((rule) => (rule.id === id ? { ...rule, ...part } : rule)) })
  const add = () => {
    const id = Math.max(0, ...rename.map((rule) => rule.id)) + 1
    onChange({ ...edits, rename: [...rename, { id, pattern: '', to: '' }] })
  }
  return (
    <>
      {rename.map(({ id, pattern, to }) => (
        <div key={id} className={classes.rule}>
          <TextInput
            aria-label="Rename: regular expression"
            placeholder="regular expression"
            value={pattern}
            onChange={(event) => change(id, { pattern: event.currentTarget.value })}
            error={at(`rename ${id}`)}
            spellCheck={false}
            data-testid="edit-rename"
          />
          <TextInput
            aria-label="Rename: to"
            placeholder="to; $1 stands for a group"
            value={to}
            onChange={(event) => change(id, { to: event.currentTarget.value })}
            spellCheck={false}
            data-testid="edit-rename-to"
          />
          <IconAction
            label="Remove this rename"
            onClick={() => onChange({ ...edits, rename: rename.filter((rule) => rule.id !== id) })}
          >
            <IconX size={14} />
          </IconAction>
        </div>
      ))}
      <div>
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={12} aria-hidden />}
          onClick={add}
          data-testid="edit-add-rename"
        >
          Rename by pattern
        </Button>
      </div>
    </>
  )
}
