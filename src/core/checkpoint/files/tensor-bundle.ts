import type { Neighbours } from '../../bytes/neighbours'
import type { ByteSource } from '../../bytes/source'
import { type BundleTensor, readBundle } from '../../container/tensor-bundle'
import { AssayError } from '../../errors'
import { type Finding, finding, findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import type { Contents } from './contents'
import { type Listed, tensorsOf, wholeBlock } from './listed'

/** Slots of an optimizer, and the optimizer of Keras, by the names that object-based saving gives (tensorflow 2.21). */
const OPTIMIZER = /\/\.OPTIMIZER_SLOT\/|^optimizer\/|^_optimizer\//

/**
 * The tensors that the index of a TensorFlow checkpoint lists; their values are in the data files beside it, `NAME.data-00000-of-00001`.
 * Throws as `readBundle`.
 */
export async function readBundleFile(
  source: ByteSource,
  file: string,
  component: ComponentId,
  neighbours: Neighbours,
): Promise<Contents> {
  const bundle = await readBundle(source)
  if (!bundle) {
    const message = `${file} is a LevelDB table, not the index of a TensorFlow checkpoint; leveldb opens it`
    const named = finding('file/unknown-format', file, message, { evidence: { what: 'a LevelDB table' } })
    return { tensors: [], sections: [], globals: [], findings: [named] }
  }
  const { shards, bigEndian } = bundle
  const prefix = file.slice(file.lastIndexOf('/') + 1).replace(/\.index$/, '')
  const lost = new Map<string, { readonly error: AssayError; readonly names: string[] }>()
  const role = (name: string) => (component === 'weights' && OPTIMIZER.test(name) ? 'optimizer' : component)
  const listed = bundle.tensors.map((tensor): Listed => {
    const { name, shape, dtype, what, offset, size, sliced } = tensor
    const base = { name, shape, dtype, what, component: role(name), blocks: [] }
    if (sliced) return { ...base, unread: 'in slices' }
    if (dtype === undefined) return base
    const data = dataFile(prefix, tensor, shards)
    try {
      return { ...base, blocks: [wholeBlock(neighbours.open(data), offset, shape, bigEndian)], stored: size }
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      const known = lost.get(data)
      if (known) known.names.push(name)
      else lost.set(data, { error, names: [name] })
      return base
    }
  })
  const { tensors, findings } = tensorsOf(listed, file)
  return { tensors, sections: [], globals: [], findings: [...lostFindings(lost, file), ...findings] }
}

function dataFile(prefix: string, { shard }: BundleTensor, shards: number): string {
  const digits = (number: number) => String(number).padStart(5, '0')
  return `${prefix}.data-${digits(shard)}-of-${digits(shards)}`
}

function lostFindings(
  lost: ReadonlyMap<string, { readonly error: AssayError; readonly names: readonly string[] }>,
  file: string,
): Finding[] {
  return [...lost].slice(0, 50).map(([data, { error, names }]) => {
    if (error.code !== 'file/unreadable') return findingOf(error, data)
    const message = `${file} keeps the values of ${some(names)} in ${data}, which is not here`
    return finding('weights/missing-shard', data, message, {
      evidence: { count: names.length, tensors: names.slice(0, 50) },
    })
  })
}
