import { Button, NumberInput, SegmentedControl, Select } from '@mantine/core'
import { useState } from 'react'
import type { z } from 'zod'
import type { exportResult } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import { ErrorPanel } from '../../ui/error-panel'
import { baseName } from '../../ui/format'
import { JobProgress } from '../../ui/job-progress'
import { PathField } from '../../ui/path-field'
import { useCheckpoint } from '../../workspace/hooks'
import { ExportSummary } from './export-summary'
import { besideOf } from './names'
import classes from './repair-view.module.css'

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
  const [format, setFormat] = useState<Format>('safetensors')
  const [dtype, setDtype] = useState<Dtype | null>(null)
  const [shardGB, setShardGB] = useState<number | ''>('')
  const [typed, setTyped] = useState<string | null>(null)
  const sharded = format === 'safetensors' && shardGB !== ''
  const out = typed ?? besideOf(checkpoint, 'export', sharded ? '' : EXTENSIONS[format])
  const key = `export ${checkpoint.id}`
  const job = useJob<ExportResult>(key)

  const run = () =>
    jobs.start<ExportResult>(key, 'Exporting', (signal) =>
      client.export(
        {
          id: checkpoint.id,
          out: out.trim(),
          options: {
            format,
            partial: true,
            ...(dtype && { dtype }),
            ...(sharded && { maxShardSize: Math.round(shardGB * 1e9) }),
          },
        },
        { signal },
      ),
    )

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
          onChange={(value) => setFormat(value === 'torch' ? 'torch' : 'safetensors')}
          data={[
            { value: 'safetensors', label: 'safetensors' },
            { value: 'torch', label: 'PyTorch (.pt)' },
          ]}
        />
      </fieldset>
      <Select
        label="Dtype"
        description="Other dtypes than the stored one round the values"
        data={[AS_THEY_ARE, ...DTYPES]}
        value={dtype ?? AS_THEY_ARE}
        onChange={(value) => setDtype(DTYPES.find((known) => known === value) ?? null)}
        w={220}
        data-testid="export-dtype"
      />
      {format === 'safetensors' && (
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
      )}
      <PathField
        label="Write to"
        value={out}
        onChange={setTyped}
        browse={() => bridge.chooseSave(baseName(out))}
        testId="export-out"
      />
      <div>
        <Button
          variant="filled"
          size="xs"
          disabled={out.trim() === '' || job?.status === 'running'}
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
