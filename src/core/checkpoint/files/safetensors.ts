import type { ByteSource } from '../../bytes/source'
import { readSafetensors, type SafetensorsEntry } from '../../container/safetensors'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { marksInMetadata } from '../rebuilt'
import { originOf, sharedStrides, type Tensor } from '../tensor'
import type { Contents } from './contents'

/**
 * Tensors of a safetensors file, each one contiguous block, in file order. Tensors that the end of the file cuts off keep
 * their block and are named in a `file/truncated` finding with how many are whole. Throws as `readSafetensors`.
 */
export async function readSafetensorsFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const { entries, dataOffset, metadata, findings } = await readSafetensors(source)
  const stridesOf = sharedStrides()
  const tensorOf = (
    name: string,
    { dtype, shape, begin }: Pick<SafetensorsEntry, 'dtype' | 'shape' | 'begin'>,
  ): Tensor => {
    const offset = dataOffset + begin
    const block = { source, offset, strides: stridesOf(shape), start: originOf(shape), shape }
    return { name, dtype, shape, file, component, blocks: [block] }
  }
  const tensors = entries.map((entry): Tensor => {
    const tensor = tensorOf(entry.name, entry)
    if (!entry.doubt) return tensor
    const { why, readings } = entry.doubt
    const read = readings.map(({ begin, end, dtype, shape, ...told }) => ({
      ...told,
      place: `bytes ${begin} to ${end} of the data, as ${dtype} [${shape.join(', ')}]`,
      tensor: tensorOf(entry.name, { dtype, shape, begin }),
    }))
    return { ...tensor, doubt: { why, readings: read } }
  })
  const marks = marksInMetadata(metadata)
  const cut = entries.filter(({ end }) => dataOffset + end > source.size).map(({ name }) => name)
  if (cut.length === 0) return { tensors, metadata, ...marks, sections: [], globals: [], findings }
  const counts = { intact: entries.length - cut.length, lost: cut.length, tensors: cut.slice(0, 50) }
  const named = findings.map((each) =>
    each.rule === 'file/truncated'
      ? { ...each, message: `${each.message} (${some(cut)})`, evidence: { ...each.evidence, ...counts } }
      : each,
  )
  return { tensors, metadata, ...marks, sections: [], globals: [], findings: named }
}
