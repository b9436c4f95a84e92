import type { Neighbours } from '../../bytes/neighbours'
import { type ByteSource, memorySource, readBytes } from '../../bytes/source'
import { type OnnxTensor, readOnnx, varintsIn } from '../../container/onnx'
import { AssayError } from '../../errors'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { type DType, itemSize } from '../dtype'
import { some } from '../names'
import type { Contents } from './contents'
import { type Listed, tensorsOf, wholeBlock } from './listed'

/** Bytes of a list of varints that is decoded. Small tensors alone are written so. */
const LARGEST_LIST = 1 << 20

/**
 * The initializers of an ONNX model; what it says of itself is the config. Values in other files are looked for beside it and
 * nowhere else. Throws as `readOnnx`.
 */
export async function readOnnxFile(
  source: ByteSource,
  file: string,
  component: ComponentId,
  neighbours: Neighbours,
): Promise<Contents> {
  const onnx = await readOnnx(source)
  const lost = new Map<string, { readonly error: AssayError; readonly names: string[] }>()
  const listed: Listed[] = []
  for (const tensor of onnx.tensors) {
    try {
      listed.push(await listedOf(tensor, source, component, neighbours))
    } catch (error) {
      if (!(error instanceof AssayError) || tensor.values.kind !== 'external') throw error
      const { name, shape, dtype, what, values } = tensor
      const known = lost.get(values.location)
      if (known) known.names.push(name)
      else lost.set(values.location, { error, names: [name] })
      listed.push({ name, shape, dtype, what, component, blocks: [] })
    }
  }
  const { tensors, findings } = tensorsOf(listed, file)
  return {
    tensors,
    sections: [],
    globals: [],
    ...(Object.keys(onnx.facts).length > 0 && { records: [{ file, component: 'config', value: { ...onnx.facts } }] }),
    findings: [
      ...onnx.findings,
      ...[...lost].slice(0, 50).flatMap(([location, { error, names }]) => lostFindings(file, location, error, names)),
      ...findings,
    ],
  }
}

async function listedOf(
  { name, shape, dtype, what, values }: OnnxTensor,
  source: ByteSource,
  component: ComponentId,
  neighbours: Neighbours,
): Promise<Listed> {
  const base = { name, shape, dtype, what, component, blocks: [] }
  if (values.kind === 'none' || dtype === undefined) return base
  if (values.kind === 'external') {
    const other = neighbours.open(values.location)
    const stored = values.length ?? Math.max(other.size - values.offset, 0)
    return { ...base, blocks: [wholeBlock(other, values.offset, shape)], stored }
  }
  const { begin, length } = values
  if (values.kind === 'raw') return { ...base, blocks: [wholeBlock(source, begin, shape)], stored: length }
  if (length > LARGEST_LIST) return { ...base, unread: 'in a list of integers of any length' }
  const bytes = packed(await readBytes(source, begin, length), dtype)
  return { ...base, blocks: [wholeBlock(memorySource(source.name, bytes), 0, shape)], stored: bytes.length }
}

/** Integers of a list as elements of a type, little endian; halves and truth values are written as integers too. */
function packed(list: Uint8Array, dtype: DType): Uint8Array {
  const item = itemSize(dtype)
  const bytes: number[] = []
  for (const value of varintsIn(list)) {
    for (let i = 0; i < item; i++) bytes.push(Number((value >> BigInt(8 * i)) & 0xffn))
  }
  return Uint8Array.from(bytes)
}

function lostFindings(file: string, location: string, error: AssayError, names: readonly string[]): Finding[] {
  const evidence = { file, count: names.length, tensors: names.slice(0, 50) }
  if (error.code === 'file/path-escape') {
    const message = `${file} keeps ${some(names)} in ${location}, which is outside its folder: it is not opened`
    return [finding('file/path-escape', location, message, { evidence })]
  }
  const message = `${file} keeps the values of ${some(names)} in ${location}, which is not here`
  return [finding('weights/missing-shard', location, message, { evidence })]
}
