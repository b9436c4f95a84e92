import type { ByteSource } from '../../bytes/source'
import { type Hdf5File, type NamedDataset, readHdf5 } from '../../container/hdf5/file'
import { ChunkCache, chunkSource } from '../../container/hdf5/filters'
import { parseJson } from '../../decode/json'
import type { Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { type DType, itemSize } from '../dtype'
import { some } from '../names'
import { type Block, contiguousStrides, numel } from '../tensor'
import type { Contents } from './contents'
import { type Listed, tensorsOf, wholeBlock } from './listed'

/** Groups in which Keras keeps the optimizer: `optimizer_weights` in a whole model of one file, `optimizer` elsewhere. */
const OPTIMIZER = /^optimizer(_weights)?\//
/** Paths that Keras 3 writes (keras 3.15, saving_lib.py). */
const KERAS = /^(.*\/)?layers\/.*\/vars\/\d+$/

/**
 * The datasets of an HDF5 file, named by their paths as h5py shows them. Of a file that Keras wrote, what it says of itself is
 * the config. Throws as `readHdf5`.
 */
export async function readHdf5File(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const hdf5 = await readHdf5(source)
  const cache = new ChunkCache()
  const datasets = hdf5.datasets.filter(({ shape }) => shape !== undefined)
  const role = (path: string) => (component === 'weights' && OPTIMIZER.test(path) ? 'optimizer' : component)
  const listed = datasets.map((dataset) => listedOf(dataset, role(dataset.path), source, cache))
  const { tensors, findings } = tensorsOf(listed, file)
  const facts = kerasFacts(hdf5)
  const keras = facts !== undefined || datasets.some(({ path }) => KERAS.test(path))
  return {
    ...(keras && { kind: 'keras' }),
    tensors,
    sections: [],
    globals: [],
    ...(facts && { records: [{ file, component: 'config', value: facts }] }),
    findings: [...hdf5.findings, ...linkFindings(hdf5, file), ...findings],
  }
}

function listedOf(dataset: NamedDataset, component: ComponentId, source: ByteSource, cache: ChunkCache): Listed {
  const { path: name, type, chunks, unread } = dataset
  const shape = dataset.shape ?? []
  const dtype = dtypeOf(dataset)
  const base = { name, shape, dtype, what: type.what, component, blocks: [] }
  if (unread !== undefined || dtype === undefined) return { ...base, ...(unread !== undefined && { unread }) }
  const [whole] = chunks
  if (dataset.chunk === dataset.shape) {
    if (!whole) return base
    const blocks = [wholeBlock(source, whole.begin, shape, type.bigEndian)]
    return { ...base, blocks, stored: whole.byteLength }
  }
  const pieces = chunks.map((chunk) => chunkBlock(dataset, chunk, dtype, source, cache))
  const filled = pieces.reduce((sum, block) => sum + numel(block.shape), 0)
  if (filled < numel(shape)) return { ...base, unread: 'only in part in the file' }
  return { ...base, blocks: pieces }
}

/** Keras marks bfloat16, which HDF5 keeps as two raw bytes, by an attribute (keras 3.15, saving_lib.py, H5IOStore). */
function dtypeOf({ type, attributes }: NamedDataset): DType | undefined {
  const bfloat16 = type.size === 2 && attributes.get('dtype')?.[0] === 'bfloat16'
  return type.dtype ?? (bfloat16 ? 'bfloat16' : undefined)
}

/** A chunk, cut where it reaches over the edge of its dataset. */
function chunkBlock(
  { chunk, shape = [], type }: NamedDataset,
  { begin, byteLength, start, filters }: NamedDataset['chunks'][number],
  dtype: DType,
  source: ByteSource,
  cache: ChunkCache,
): Block {
  const item = itemSize(dtype)
  const filtered = filters.length > 0
  return {
    source: filtered ? chunkSource(source, { begin, byteLength }, filters, numel(chunk) * item, item, cache) : source,
    offset: filtered ? 0 : begin,
    strides: contiguousStrides(chunk),
    start,
    shape: chunk.map((extent, i) => Math.min(extent, (shape[i] as number) - (start[i] as number))),
    ...(type.bigEndian && { bigEndian: true }),
  }
}

/** What Keras writes about the model into the attributes of the root group, or of `model_weights` (keras 3.15, legacy_h5_format.py). */
function kerasFacts({ attributes }: Hdf5File): { [key: string]: Plain } | undefined {
  const root = attributes.get('')
  const text = (key: string) => root?.get(key)?.[0] ?? attributes.get('model_weights')?.get(key)?.[0]
  const version = text('keras_version')
  if (version === undefined) return undefined
  const facts: { [key: string]: Plain } = { keras_version: version }
  const backend = text('backend')
  if (backend !== undefined) facts.backend = backend
  for (const key of ['model_config', 'training_config']) {
    const json = text(key)
    if (json !== undefined) facts[key] = parsed(json)
  }
  return facts.model_config === undefined && facts.training_config === undefined ? undefined : facts
}

/** What JSON says, or the text itself where it is none. */
export function parsed(json: string): Plain {
  try {
    return parseJson(json, 'config')
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    return json
  }
}

function linkFindings({ links }: Hdf5File, file: string): Finding[] {
  return ['soft', 'external', 'user-defined'].flatMap((kind) => {
    const paths = links.filter(({ elsewhere }) => elsewhere === kind).map(({ path }) => path)
    if (paths.length === 0) return []
    const [noun, verb] = paths.length === 1 ? ['a link', 'is'] : ['links', 'are']
    const where = kind === 'soft' ? 'another name in the file' : 'another file'
    const message = `${file}: ${some(paths)} ${verb} ${noun} to ${where}, which Assay does not follow`
    // What a soft link leads to is listed under its own name.
    const more = {
      evidence: { links: kind, paths: paths.slice(0, 50) },
      ...(kind === 'soft' && { severity: 'info' as const }),
    }
    return [finding('file/unknown-format', file, message, more)]
  })
}
