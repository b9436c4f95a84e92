import { type Hdf5Type, readDataspace, readDatatype } from './datatype'
import type { Fields } from './fields'
import { type Filter, readFilters, unknownFilter } from './filters'
import { type Layout, readLayout } from './layout'
import { leavesOf } from './links'
import type { Metadata } from './metadata'
import { MESSAGE, type Message, readMessages } from './object-header'

/** A run of stored bytes, and the index in the dataset of its first element. */
export interface Hdf5Chunk {
  /** Byte offset in the file. */
  readonly begin: number
  /** Bytes in the file. */
  readonly byteLength: number
  readonly start: readonly number[]
  /** Filters that it went through, in their order. */
  readonly filters: readonly Filter[]
}

export interface Hdf5Dataset {
  readonly type: Hdf5Type
  /** Undefined for a null space, which has no elements. */
  readonly shape: readonly number[] | undefined
  /** Extents of each chunk; the whole shape where the values lie in one piece. */
  readonly chunk: readonly number[]
  readonly chunks: readonly Hdf5Chunk[]
  /** Why the values are not read, in words; then there are no chunks. */
  readonly unread?: string
}

/** Chunks of one dataset. Each is a piece of a tensor, and is looked at for every block of values that is read. */
const MOST_CHUNKS = 1 << 16
/** Bytes of an unfiltered chunk, which is held in memory. */
const LARGEST_CHUNK = 1 << 27

/** A dataset by the messages of its header; undefined where they are those of something else. Throws AssayError as `Metadata`. */
export async function readDataset(metadata: Metadata, messages: readonly Message[]): Promise<Hdf5Dataset | undefined> {
  const find = (type: number) => messages.find((message) => message.type === type)
  const [space, type, layout] = [find(MESSAGE.dataspace), find(MESSAGE.datatype), find(MESSAGE.layout)]
  if (!space || !type || !layout) return undefined
  const shape = readDataspace(space.body)
  const elements = readDatatype(type.shared ? await committed(metadata, type.body) : type.body)
  const dataset = { type: elements, shape, chunk: shape ?? [], chunks: [] }
  const place = readLayout(layout.body, metadata.base)
  if (find(MESSAGE.externalFiles)) return { ...dataset, unread: 'in other files, which are not opened' }
  const pipeline = find(MESSAGE.filters)
  const filters = pipeline ? readFilters(pipeline.body) : []
  const unread = place.kind === 'unread' ? place.what : place.kind === 'absent' ? undefined : unknownFilter(filters)
  if (unread !== undefined || !shape) return { ...dataset, ...(unread !== undefined && { unread }) }
  return { ...dataset, ...(await piecesOf(metadata, place, shape, elements, filters)) }
}

/** The datatype that another object header holds: it has a name of its own in the file. */
async function committed(metadata: Metadata, body: Fields): Promise<Fields> {
  const version = body.u8()
  body.skip(version === 1 ? 7 : 1)
  const address = body.address()
  if (address === undefined) return body.fail('a shared datatype is nowhere')
  const message = (await readMessages(metadata, address)).find(({ type }) => type === MESSAGE.datatype)
  return !message || message.shared ? body.fail('a shared datatype is not where it should be') : message.body
}

async function piecesOf(
  metadata: Metadata,
  layout: Layout,
  shape: readonly number[],
  { size }: Hdf5Type,
  filters: readonly Filter[],
): Promise<Pick<Hdf5Dataset, 'chunk' | 'chunks' | 'unread'>> {
  const start = shape.map(() => 0)
  if (layout.kind === 'plain') {
    return { chunk: shape, chunks: [{ begin: layout.offset, byteLength: layout.byteLength, start, filters: [] }] }
  }
  if (layout.kind !== 'chunked' && layout.kind !== 'single') return { chunk: shape, chunks: [] }
  const { chunk } = layout
  const bytes = chunk.reduce((product, extent) => product * extent, size)
  const many = shape.reduce((product, extent, i) => product * Math.ceil(extent / (chunk[i] ?? 1)), 1)
  const odd = chunk.length !== shape.length || chunk.includes(0)
  if (odd) return { chunk, chunks: [], unread: 'in chunks of another number of dimensions' }
  if (many > MOST_CHUNKS) return { chunk, chunks: [], unread: `in ${many} chunks` }
  if (bytes > LARGEST_CHUNK && filters.length > 0) {
    return { chunk, chunks: [], unread: `compressed in chunks of ${bytes} bytes` }
  }
  if (layout.kind === 'single') {
    const { address, byteLength = bytes, mask } = layout
    return { chunk, chunks: [{ begin: metadata.base + address, byteLength, start, filters: applied(filters, mask) }] }
  }
  const chunks: Hdf5Chunk[] = []
  for await (const { key, child } of leavesOf(metadata, layout.tree, 1, 8 * (chunk.length + 2))) {
    const byteLength = key.u32()
    const mask = key.u32()
    const at = chunk.map(() => key.uint(8))
    if (at.some((index, i) => index % (chunk[i] as number) !== 0 || index >= Math.max(shape[i] as number, 1))) {
      // Chunks beyond a dataset that was made smaller stay in the file.
      continue
    }
    chunks.push({ begin: metadata.base + child, byteLength, start: at, filters: applied(filters, mask) })
  }
  return { chunk, chunks }
}

/** Filters without those that a chunk left out: a bit for each. */
function applied(filters: readonly Filter[], mask: number): readonly Filter[] {
  return mask === 0 ? filters : filters.filter((_, i) => ((mask >>> i) & 1) === 0)
}
