import { Button, Checkbox, NumberInput, SegmentedControl, Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ExportResult } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import type { Problem } from '../../api/problem'
import { busy } from '../../ui/busy'
import { ErrorPanel } from '../../ui/error-panel'
import { baseName, plural } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { PathField } from '../../ui/path-field'
import { SafeText } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import { fieldOf, formatOf, NO_EDITS, optionsOf, wantedOf } from './edits'
import { EditsSection } from './edits-section'
import { ExportPreview } from './export-preview'
import { ExportSummary } from './export-summary'
import { besideOf } from './names'
import classes from './repair-view.module.css'
import { TiedWeights } from './tied-weights'
import { useExportPlan } from './use-export-plan'
import { WhatToExport } from './what-to-export'

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
  const { id } = checkpoint
  const { data: offers } = useQuery({
    queryKey: ['export offers', id],
    queryFn: ({ signal }) => client.exportOffers({ id }, { signal }),
  })
  const [chosen, setChosen] = useState<Format>('safetensors')
  const [dtype, setDtype] = useState<Dtype | null>(null)
  const [shardGB, setShardGB] = useState<number | ''>('')
  const [typed, setTyped] = useState<string | null>(null)
  const [edits, setEdits] = useState(NO_EDITS)
  const [partial, setPartial] = useState(false)
  // The end of a path that was typed says more than the button.
  const format = (typed !== null && formatOf(typed.trim())) || chosen
  const choose = (next: Format) => {
    setChosen(next)
    if (typed !== null && formatOf(typed.trim())) setTyped(typed.trim().replace(/\.\w+$/, EXTENSIONS[next]))
  }
  // Shards have an index beside them, an adapter its config: each a folder.
  const isFolder = shardGB !== '' || edits.part === 'adapter' || (offers?.merge === true && edits.part === 'all')
  const suffix = edits.part === 'all' ? 'export' : edits.part
  const out = (typed ?? besideOf(checkpoint, suffix, isFolder ? '' : EXTENSIONS[format])).trim()
  const options = {
    format,
    ...(dtype && { dtype }),
    ...(shardGB !== '' && { maxShardSize: Math.round(shardGB * 1e9) }),
    ...optionsOf(edits, format),
  }
  const wanted = wantedOf(edits, offers)
  // A pattern being typed is no pattern yet.
  const [settled] = useDebouncedValue({ out, options, wanted }, 300)
  const preview = useExportPlan(id, settled.out, settled.options, settled.wanted === undefined && settled.out !== '')
  const { problem } = preview
  const left = preview.data?.left.length ?? 0
  const field = problem && fieldOf(problem, edits, settled.out)
  const fieldError = problem && field && { field, text: <SafeText>{textOf(problem)}</SafeText> }
  const key = `export ${id}`
  const job = useJob<ExportResult>(key)
  const run = () =>
    jobs.start<ExportResult>(key, 'Exporting', (signal) =>
      client.export({ id, out, options: { ...options, ...(partial && { partial }) } }, { signal }),
    )
  const isReady = out !== '' && wanted === undefined && !problem && (left === 0 || partial)

  return (
    <div className={classes.export}>
      <div className={classes.form}>
        <p className={classes.soft}>
          Weights only, consolidated into one state dict. The optimizer and the other states stay behind.
        </p>
        <WhatToExport
          edits={edits}
          onChange={setEdits}
          offers={offers}
          error={field === 'base' ? fieldError?.text : undefined}
        />
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
            description="Another one rounds the values"
            data={[AS_THEY_ARE, ...DTYPES]}
            value={dtype ?? AS_THEY_ARE}
            onChange={(value) => setDtype(DTYPES.find((known) => known === value) ?? null)}
            data-testid="export-dtype"
          />
          <NumberInput
            label="Largest shard, GB"
            description="Else one file, without an index"
            value={shardGB}
            onChange={(value) => setShardGB(typeof value === 'number' ? value : '')}
            min={0.001}
            decimalScale={3}
            placeholder="one file"
            size="xs"
            data-testid="export-shard"
          />
        </div>
        <TiedWeights
          value={edits.ties}
          onChange={(ties) => setEdits({ ...edits, ties })}
          offers={offers}
          format={format}
        />
        {preview.data?.masters && (
          <Checkbox
            label={`Masters of ${plural(preview.data.masters.count, 'weight')}: the optimizer's own values, in ${preview.data.masters.dtype}`}
            checked={edits.masters}
            onChange={(event) => setEdits({ ...edits, masters: event.currentTarget.checked })}
            data-testid="export-masters"
          />
        )}
        <EditsSection edits={edits} onChange={setEdits} error={fieldError} />
        <PathField
          label="Write to"
          value={typed ?? out}
          onChange={setTyped}
          error={field === 'out' ? fieldError?.text : undefined}
          browse={() => bridge.chooseSave(baseName(out))}
          testId="export-out"
        />
        {left > 0 && (
          <Checkbox
            label={`Write the rest, although ${plural(left, 'tensor')} cannot be`}
            checked={partial}
            onChange={(event) => setPartial(event.currentTarget.checked)}
            data-testid="export-partial"
          />
        )}
        <div>
          <Button
            variant="filled"
            size="xs"
            disabled={!isReady}
            {...busy(job?.status === 'running', run)}
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
      <section className={classes.aside} aria-label="What will be written">
        {wanted !== undefined && <p className={classes.soft}>{wanted}</p>}
        {field && <p className={classes.soft}>What would be written cannot be told while a field is wrong.</p>}
        {problem && !field && <ErrorPanel problem={problem} retry={preview.retry} />}
        {wanted === undefined && !problem && <ExportPreview {...preview} />}
      </section>
    </div>
  )
}

function textOf({ title, hint }: Problem): string {
  return hint === undefined ? title : `${title}. ${hint}`
}
