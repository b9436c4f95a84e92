import type { ByteSource } from '../../bytes/source'
import { tfRecords } from '../../container/tfrecord'
import { scalarsIn } from '../../decode/summary'
import { type Finding, finding } from '../../finding'
import type { Contents } from './contents'
import { Series } from './series'

/** Longer records are pictures, sounds and graphs; an event of scalars has some hundred bytes. */
const LARGEST_EVENT = 1 << 16

/**
 * The scalars of a TensorBoard event file. A file that training still writes, or that a crash left, ends in part of a record:
 * all whole ones are kept. Throws as `tfRecords`.
 */
export async function readEventFile(source: ByteSource, file: string): Promise<Contents> {
  const series = new Series()
  const findings: Finding[] = []
  const damaged: number[] = []
  const records = tfRecords(source, LARGEST_EVENT)
  let next = await records.next()
  for (; !next.done; next = await records.next()) {
    const { offset, data, sound } = next.value
    if (!sound) damaged.push(offset)
    else if (data) for (const { tag, step, value } of scalarsIn(data)) series.add(tag, step, value)
  }
  if (next.value?.why === 'damaged') damaged.push(next.value.offset)
  else if (next.value) {
    const message = `${file} ends inside a record, as a log does while it is written; what is before it is whole`
    findings.push(finding('file/truncated', file, message, { severity: 'info', evidence: { ...next.value } }))
  }
  if (damaged.length > 0) {
    const ends = next.value?.why === 'damaged' ? ', and what lies behind the last of them is lost' : ''
    const message = `${file}: ${damaged.length} records differ from their checksums${ends}`
    const evidence = { offsets: damaged.slice(0, 50), size: source.size }
    findings.push(finding('file/checksum', file, message, { severity: 'warning', evidence }))
  }
  const logged = series.points > 0 ? [{ file, component: 'trainer' as const, value: series.record('steps') }] : []
  return { tensors: [], sections: [], globals: [], records: logged, findings }
}
