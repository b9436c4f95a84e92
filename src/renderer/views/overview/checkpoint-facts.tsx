import { type ReactNode, useMemo } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useTensorRows } from '../../api/tensors'
import { Facts } from '../../ui/facts'
import { formatBytes, formatCount, formatShort } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import { StackedBar } from '../../ui/stacked-bar'
import classes from './checkpoint-facts.module.css'

/** How much of what there is, and in which files; between the two, what else there is to tell. */
export function CheckpointFacts({ checkpoint, children }: { checkpoint: OpenedCheckpoint; children: ReactNode }) {
  const { verification, files } = checkpoint
  const { tensors, step, epoch } = verification
  const { rows } = useTensorRows(checkpoint)
  const dtypes = useMemo(() => {
    const bytes = new Map<string, number>()
    for (const row of rows) bytes.set(row.dtype, (bytes.get(row.dtype) ?? 0) + row.bytes)
    return [...bytes].sort((a, b) => b[1] - a[1]).map(([name, value]) => ({ name, value, text: formatBytes(value) }))
  }, [rows])
  return (
    <>
      <Section title="Facts">
        <Facts
          rows={[
            ['Step', step === undefined ? undefined : formatCount(step)],
            ['Epoch', epoch === undefined ? undefined : String(Number(epoch.toFixed(3)))],
            [
              'Parameters',
              <span key="parameters" title={formatCount(tensors.parameters)}>
                {formatShort(tensors.parameters)}
              </span>,
            ],
            ['Weight tensors', formatCount(tensors.count)],
            ['Bytes of weights', formatBytes(tensors.bytes)],
            [
              'All tensors, with the optimizer’s',
              checkpoint.tensorCount === tensors.count ? undefined : formatCount(checkpoint.tensorCount),
            ],
            ['Layout', checkpoint.layoutLabel],
          ]}
        />
      </Section>
      {children}
      {dtypes.length > 0 && (
        <Section title="Bytes by dtype">
          <StackedBar label="Bytes by dtype" shares={dtypes} />
        </Section>
      )}
      <Section title="Files" note={formatCount(files.length)}>
        <table className={classes.files}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" className={classes.number}>
                Tensors
              </th>
              <th scope="col" className={classes.number}>
                Size
              </th>
            </tr>
          </thead>
          <tbody>
            {files.map((file) => (
              <tr key={file.path}>
                <th scope="row">
                  <SafeText>{file.path}</SafeText>
                  <span>{file.kind}</span>
                </th>
                <td>{file.tensors > 0 ? formatCount(file.tensors) : ''}</td>
                <td>{formatBytes(file.size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
    </>
  )
}
