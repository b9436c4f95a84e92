import { Button, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { IconAction } from '../../ui/icon-action'
import type { Edits, Field } from './edits'
import classes from './edits.module.css'

interface EditsSectionProps {
  edits: Edits
  onChange: (edits: Edits) => void
  /** What is wrong with one of the fields. */
  error: { field: Field; text: ReactNode } | undefined
}

/** Which tensors are written and under which names. */
export function EditsSection(props: EditsSectionProps) {
  const { edits, onChange, error } = props
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
    <details className={classes.edits}>
      <summary data-testid="edits">Choose and rename tensors</summary>
      <div className={classes.fields}>
        {text('keep', 'Keep only', 'encoder.*, *.bias')}
        {text('drop', 'Drop', '*.lora_*')}
        {text('stripPrefix', 'Strip prefix', 'module.')}
        {text('addPrefix', 'Add prefix', 'model.')}
      </div>
      <Renames edits={edits} onChange={onChange} at={at} />
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
