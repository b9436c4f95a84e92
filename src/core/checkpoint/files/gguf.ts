import type { ByteSource } from '../../bytes/source'
import { dequantized } from '../../container/dequantized'
import { type GgufTensor, readGguf } from '../../container/gguf'
import { DECODERS } from '../../decode/ggml/blocks'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { type Block, contiguousStrides, numel, originOf, type Tensor } from '../tensor'
import type { Contents } from './contents'

/**
 * Tensors of a GGUF file. Those of a quantised type are float32 to their readers, decoded on the way, and tell what
 * they are stored as; those of a type that is not decoded have no values. The metadata is the config. Throws as
 * `readGguf`.
 */
export async function readGgufFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const { littleEndian, metadata, tensors: all, findings } = await readGguf(source)
  const tensors = all.map((tensor): Tensor => {
    const { name, shape, type, typeId, begin, byteLength } = tensor
    const blocks = blocksOf(tensor, source, littleEndian)
    const place = { name, shape, file, component, blocks }
    if (type?.dtype) return { ...place, dtype: type.dtype }
    const storage = byteLength === undefined ? undefined : { key: String(begin), byteLength }
    const storedAs = type?.name ?? `ggml type ${typeId}`
    return { ...place, dtype: 'float32', storedAs, ...(storage && { storage }) }
  })
  return {
    tensors,
    sections: [],
    globals: [],
    records: Object.keys(metadata).length > 0 ? [{ file, component: 'config', value: metadata }] : [],
    findings: [...findings, ...undecoded(tensors, file)],
  }
}

function blocksOf({ shape, type, begin }: GgufTensor, source: ByteSource, littleEndian: boolean): Block[] {
  const place = { strides: contiguousStrides(shape), start: originOf(shape), shape }
  if (type?.dtype) return [{ ...place, source, offset: begin, ...(!littleEndian && { bigEndian: true }) }]
  const decode = littleEndian && type ? DECODERS.get(type.name) : undefined
  if (!type || !decode) return []
  return [{ ...place, source: dequantized(source, begin, numel(shape), type, decode), offset: 0 }]
}

/** One finding for each type whose values are not decoded. */
function undecoded(tensors: readonly Tensor[], file: string): Finding[] {
  const byType = new Map<string, string[]>()
  for (const { blocks, storedAs, name } of tensors) {
    if (blocks.length > 0 || storedAs === undefined) continue
    const names = byType.get(storedAs)
    if (names) names.push(name)
    else byType.set(storedAs, [name])
  }
  return [...byType].map(([type, names]) => {
    const message = `${file}: Assay does not decode ${type}; ${some(names)} ${names.length === 1 ? 'is' : 'are'} listed without values`
    return finding('file/unknown-format', file, message, {
      severity: 'info',
      evidence: { type, count: names.length, tensors: names.slice(0, 50) },
    })
  })
}
