import { Button, NumberInput, SegmentedControl, Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { z } from 'zod'
import type { exportResult } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import type { Problem } from '../../api/problem'
import { ErrorPanel } from '../../ui/error-panel'
import { baseName } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { PathField } from '../../ui/path-field'
import { SafeText } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import { fieldOf, formatOf, NO_EDITS, optionsOf } from './edits'
import { EditsSection } from './edits-section'
import { ExportPreview } from './export-preview'
import { ExportSummary } from './export-summary'
import { besideOf } from './names'
import classes from './repair-view.module.css'
import { useExportPlan } from './use-export-plan'

export type ExportResult = z.infer<typeof exportResult>
type Format = 'safetensors' | 'torch'

const EXTENSIONS: Record<Format, string> = { safetensors: '.safetensors', torch: '.pt' }
const AS_THEY_ARE = 'as they are'
const DTYPES = ['float32', 'bfloat16', 'float16'] as const
type Dtype = (typeof DTYPES)[number]

/** The weights alone, in a format that everything reads. */
export function ExportPanel() {
  const { path } = useCheckpoint()
  return <Form key={path} />
}

function Form() {
  const checkpoint = useCheckpoint()
  const { client, bridge, jobs } = useApi()
  const [chosen, setChosen] = useState<Format>('safetensors')
  const [dtype, setDtype] = useState<Dtype | null>(null)
  const [shardGB, setShardGB] = useState<number | ''>('')
  const [typed, setTyped] = useState<string | null>(null)
  const [edits, setEdits] = useState(NO_EDITS)
  const [open, setOpen] = useState(false)
  // The end of a path that was typed says more than the button.
  const format = (typed !== null && formatOf(typed.trim())) || chosen
  const choose = (next: Format) => {
    setChosen(next)
    if (typed !== null && formatOf(typed.trim())) setTyped(typed.trim().replace(/\.\w+$/, EXTENSIONS[next]))
  }
  const out = (typed ?? besideOf(checkpoint, 'export', shardGB === '' ? EXTENSIONS[format] : '')).trim()
  const options = {
    format,
    partial: true,
    ...(dtype && { dtype }),
    ...(shardGB !== '' && { maxShardSize: Math.round(shardGB * 1e9) }),
    ...optionsOf(edits, format),
  }
  const asked = { out, options }
  // A pattern being typed is no pattern yet.
  const [settled] = useDebouncedValue(asked, 300)
  // Rounding may lose values: that is to be seen before, whether or not something else is edited.
  const isEdited = open || dtype !== null
  const preview = useExportPlan(checkpoint.id, settled.out, settled.options, isEdited && settled.out !== '')
  const problem = preview.job?.problem
  const field = problem && fieldOf(problem, edits, settled.out)
  const fieldError = problem && field && { field, text: <SafeText>{textOf(problem)}</SafeText> }
  const key = `export ${checkpoint.id}`
  const job = useJob<ExportResult>(key)
  const run = () =>
    jobs.start<ExportResult>(key, 'Exporting', (signal) => client.export({ id: checkpoint.id, ...asked }, { signal }))

  return (
    <div className={classes.form}>
      <p className={classes.soft}>
        Weights only, consolidated into one state dict. The optimizer and the other states stay behind.
      </p>
      <fieldset className={classes.fieldset}>
        <legend>Format</legend>
        <SegmentedControl
          aria-label="Format"
          value={format}
          onChange={(value) => choose(value === 'torch' ? 'torch' : 'safetensors')}
          data={[
            { value: 'safetensors', label: 'safetensors' },
            { value: 'torch', label: 'PyTorch (.pt)' },
          ]}
        />
      </fieldset>
      <div className={classes.pair}>
        <Select
          label="Dtype"
          description="Other dtypes than the stored one round the values"
          data={[AS_THEY_ARE, ...DTYPES]}
          value={dtype ?? AS_THEY_ARE}
          onChange={(value) => setDtype(DTYPES.find((known) => known === value) ?? null)}
          w={220}
          data-testid="export-dtype"
        />
        <NumberInput
          label="Largest shard, GB"
          description="Empty: one file. Else a folder with an index beside the shards"
          value={shardGB}
          onChange={(value) => setShardGB(typeof value === 'number' ? value : '')}
          min={0.001}
          decimalScale={3}
          placeholder="one file"
          size="xs"
          w={220}
          data-testid="export-shard"
        />
      </div>
      <EditsSection
        edits={edits}
        onChange={setEdits}
        format={format}
        isAdapter={checkpoint.verification.components.some(
          ({ id, status }) => id === 'adapter' && status === 'present',
        )}
        open={open}
        onOpen={setOpen}
        error={fieldError}
      />
      {problem && !field && <ErrorPanel problem={problem} retry={preview.retry} />}
      {isEdited && !problem && <ExportPreview {...preview} />}
      <PathField
        label="Write to"
        value={typed ?? out}
        onChange={setTyped}
        error={field === 'out' ? fieldError?.text : undefined}
        browse={() => bridge.chooseSave(baseName(out))}
        testId="export-out"
      />
      <div>
        <Button
          variant="filled"
          size="xs"
          disabled={out === '' || problem !== undefined || job?.status === 'running'}
          onClick={run}
          data-testid="export-run"
        >
          Export
        </Button>
      </div>
      {job?.status === 'running' && <JobProgress job={job} cancel={() => jobs.cancel(key)} />}
      {job?.status === 'cancelled' && <p className={classes.soft}>Cancelled. Nothing was left behind.</p>}
      {job?.problem && <ErrorPanel problem={job.problem} retry={run} />}
      {job?.result && <ExportSummary result={job.result} />}
    </div>
  )
}

function textOf({ title, hint }: Problem): string {
  return hint === undefined ? title : `${title}. ${hint}`
}
