import { openFile } from '../bytes/file'
import { joinPath, resolveInside } from '../bytes/folder'
import type { ByteSource } from '../bytes/source'
import { type ChunkedTensor, type DistributedMetadata, MetadataReader, type Place } from '../decode/distributed'
import type { DecodedPickle } from '../decode/pickle/machine'
import { wholeTensorValue } from '../decode/pickle/tensor-value'
import type { PyValue } from '../decode/pickle/value'
import { AssayError } from '../errors'
import type { Finding } from '../finding'
import type { ComponentId } from './checkpoint'
import { ChunkSource } from './files/chunk'
import { decodePickleIn, distinct, pickleFindings } from './files/pickle'
import { type PickledItem, readPickledItem } from './files/pickled-item'
import { type Locate, namedTensors, tensorAt } from './files/tensors'
import { type Loss, LossLedger } from './losses'
import { NestedState, type StatePath } from './nested'
import { namedComponent, type Section, sectionsIn } from './sections'
import type { OpenStateFile } from './state-file'
import { type Block, numel, sharedStrides, type Tensor } from './tensor'
import { overlapping } from './values'

export const METADATA = '.metadata'

/** A folder of torch.distributed.checkpoint, opened. */
export interface Distributed {
  /** `.metadata` with everything that the folder holds, as one state dict. */
  readonly state: OpenStateFile
  /** The files that hold the values. */
  readonly parts: readonly OpenStateFile[]
  /** What is not here of each component. */
  readonly losses: ReadonlyMap<ComponentId, Loss>
  /** Ranks by the names of the files they wrote. */
  readonly ranks: number
  readonly findings: readonly Finding[]
}

/** The metadata of half a million chunks takes some 25 times its size when decoded. */
const METADATA_MEMORY = 2 ** 31
/** Objects that are read, and their bytes in all: settings, schedulers, counts. A large model has some thousands. */
const MOST_OBJECTS = 20_000
const OBJECT_BYTES = 256 << 20

/**
 * Opens what `folder` of a checkpoint (empty: the checkpoint itself) holds, from its `.metadata`: every tensor assembled from its
 * chunks, objects unpickled, all nested again as it was saved. Reads the metadata and the objects, no values. Throws AssayError
 * when there is no metadata that can be read; everything else amiss is a finding or a loss.
 */
export async function openDistributed(root: string, folder: string, component: ComponentId): Promise<Distributed> {
  const file = folder === '' ? METADATA : `${folder}/${METADATA}`
  const source = openFile(joinPath(root, file), file)
  try {
    const { metadata, pickle } = await readMetadata(source)
    const gathering = new Gathering(new PartFiles(root, folder), metadata, file)
    return await gathering.gather(pickle, component, source)
  } catch (error) {
    source.close()
    throw error
  }
}

/** The metadata, and what is to be said of its pickle: the values in it are let go. */
async function readMetadata(source: ByteSource) {
  const reader = new MetadataReader()
  const { onBuilt } = reader
  const { value, ...pickle } = await decodePickleIn(source, 0, source.size, { memory: METADATA_MEMORY, onBuilt })
  if (pickle.error) throw pickle.error
  const metadata = reader.read(value)
  if (metadata) return { metadata, pickle }
  throw new AssayError('file/bad-header', `${source.name} is not the metadata of torch.distributed.checkpoint`, {
    file: source.name,
  })
}

/** The files beside the metadata, opened when something in them is asked for. */
class PartFiles {
  readonly opened = new Map<string, ByteSource | AssayError>()

  constructor(
    private readonly root: string,
    private readonly folder: string,
  ) {}

  /** Relative to the checkpoint. */
  nameOf(path: string): string {
    return this.folder === '' ? path : `${this.folder}/${path}`
  }

  at(path: string): ByteSource | AssayError {
    const known = this.opened.get(path)
    if (known) return known
    const found = this.open(path)
    this.opened.set(path, found)
    return found
  }

  private open(path: string): ByteSource | AssayError {
    try {
      return openFile(resolveInside(joinPath(this.root, this.folder), path), this.nameOf(path))
    } catch (error) {
      if (error instanceof AssayError) return error
      throw error
    }
  }
}

class Gathering {
  private readonly ledger = new LossLedger()
  private readonly items = new Map<PyValue, Locate>()
  private readonly pickles: DecodedPickle[] = []
  private readonly stridesOf = sharedStrides()

  constructor(
    private readonly files: PartFiles,
    private readonly metadata: DistributedMetadata,
    private readonly file: string,
  ) {}

  async gather(
    pickle: Pick<DecodedPickle, 'globals' | 'error'>,
    component: ComponentId,
    source: ByteSource,
  ): Promise<Distributed> {
    const { metadata, file, files, ledger } = this
    const nested = new NestedState()
    const named = metadata.paths.size > 0
    const pathOf = (name: string) => metadata.paths.get(name) ?? (named ? [name] : guessedPath(name))
    const objects = await this.objects()
    for (const [name, entry] of metadata.entries) {
      const value = entry
        ? wholeTensorValue(entry.dtype, entry.shape, name, entry.requiresGrad)
        : (objects.get(name) ?? null)
      nested.set(pathOf(name), value)
    }
    const root = nested.finish()
    const all = sectionsIn(root, component)
    const tensors = this.tensors(all)
    for (const name of metadata.unread) {
      ledger.lose(name, 'unread', file)
      ledger.loseWholly(name)
    }
    const components = new Map<string, ComponentId>()
    for (const name of [...metadata.entries.keys(), ...metadata.unread]) {
      components.set(name, sectionAt(all, pathOf(name))?.component ?? component)
    }
    const losses = ledger.losses(components)
    // What is lost to the last value holds nothing: its section would pass for a state.
    const sections = all.filter(({ component: id }) => losses.get(id)?.status !== 'missing')
    const pickles = [pickle, ...this.pickles]
    return {
      state: {
        path: file,
        size: source.size,
        kind: 'dcp',
        tensors,
        value: root,
        sections,
        globals: distinct(pickles.flatMap(({ globals }) => globals)),
        findings: pickleFindings(pickles, file),
        close: () => source.close(),
      },
      parts: this.parts(),
      losses,
      ranks: ranksIn(files.opened.keys()),
      findings: ledger.findings(components),
    }
  }

  /** The values of all objects that can be read. */
  private async objects(): Promise<Map<string, PyValue>> {
    const values = new Map<string, PyValue>()
    let bytes = 0
    let read = 0
    for (const [name, entry] of this.metadata.entries) {
      if (entry) continue
      const held = this.held(name, this.metadata.place(name))
      bytes += held?.place.length ?? 0
      if (held && (++read > MOST_OBJECTS || bytes > OBJECT_BYTES)) continue
      const item = held && (await this.item(name, held.source, held.place))
      if (item?.pickle.value === undefined) this.ledger.loseWholly(name)
      else values.set(name, item.pickle.value)
    }
    return values
  }

  private async item(name: string, source: ByteSource, place: Place): Promise<PickledItem | undefined> {
    try {
      const item = await readPickledItem(source, place)
      this.pickles.push(item.pickle)
      for (const [value, locate] of item.tensors) this.items.set(value, locate)
      if (item.pickle.error) throw item.pickle.error
      return item
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      this.ledger.lose(name, 'unread', source.name, error)
      return undefined
    }
  }

  /** Where an item is, once its file is open and long enough; else it is lost, and why is written down. */
  private held(name: string, place: Place | undefined): { source: ByteSource; place: Place } | undefined {
    if (!place) {
      this.ledger.lose(name, 'unplaced', this.file)
      return undefined
    }
    const source = this.files.at(place.path)
    const file = this.files.nameOf(place.path)
    if (source instanceof AssayError) this.ledger.lose(name, 'missing', file, source)
    else if (place.offset + place.length > source.size) this.ledger.lose(name, 'beyond', file)
    else if (place.transforms.length > 0) this.ledger.lose(name, 'packed', file)
    else return { source, place }
    return undefined
  }

  private tensors(sections: readonly Section[]): Tensor[] {
    const tensors: Tensor[] = []
    for (const { name, value, tensor, section } of namedTensors(sections)) {
      const locate = this.items.get(value)
      if (locate) {
        tensors.push(
          tensorAt(name, tensor, tensor.hasData ? locate(tensor.storage) : undefined, this.file, section.component),
        )
        continue
      }
      const entry = this.metadata.entries.get(tensor.storage.key)
      if (!entry) continue
      const { dtype, shape, requiresGrad } = entry
      const blocks = this.blocks(tensor.storage.key, entry)
      tensors.push({ name, dtype, shape, file: this.file, component: section.component, blocks, requiresGrad })
    }
    return tensors
  }

  private blocks(name: string, { dtype, shape, chunks }: ChunkedTensor): Block[] {
    const blocks: Block[] = []
    let claimed = 0
    for (const chunk of withoutCopies(chunks)) {
      const inside = chunk.start.length === shape.length && chunk.shape.length === shape.length
      if (!inside || shape.some((extent, i) => (chunk.start[i] as number) + (chunk.shape[i] as number) > extent)) {
        this.ledger.lose(name, 'outside', this.file)
        continue
      }
      claimed += numel(chunk.shape)
      if (chunk.shape.includes(0)) continue
      const held = this.held(name, this.metadata.place(name, chunk.start))
      if (!held) continue
      const source = new ChunkSource(held.source, held.place, dtype, chunk.shape)
      blocks.push({
        source,
        offset: 0,
        strides: this.stridesOf(chunk.shape),
        start: chunk.start,
        shape: chunk.shape,
      })
    }
    if (claimed > numel(shape) || overlapping(blocks)) {
      this.ledger.lose(name, 'overlap', this.file)
      return []
    }
    if (claimed < numel(shape)) this.ledger.lose(name, 'hole', this.file)
    if (blocks.length === 0 && numel(shape) > 0) this.ledger.loseWholly(name)
    // Of its very length: a list that grew keeps room for 17.
    return [...blocks]
  }

  private parts(): OpenStateFile[] {
    const opened = [...this.files.opened].sort(([a], [b]) => (a < b ? -1 : 1))
    return opened.flatMap(([path, source]) => {
      if (source instanceof AssayError) return []
      const name = this.files.nameOf(path)
      const nothing = { tensors: [], sections: [], globals: [], findings: [] }
      return { path: name, size: source.size, kind: 'distcp', ...nothing, close: () => source.close() }
    })
  }
}

/** Old planners listed what is the same on several ranks once for each. */
function withoutCopies(chunks: ChunkedTensor['chunks']): ChunkedTensor['chunks'] {
  if (chunks.length < 2) return chunks
  return [...new Map(chunks.map((chunk) => [`${chunk.start}:${chunk.shape}`, chunk])).values()]
}

/** Without a planner's paths, the first part of a name tells which state dict it is from, if it is one that is known. */
function guessedPath(name: string): StatePath {
  const dot = name.indexOf('.')
  const first = name.slice(0, Math.max(dot, 0))
  return dot > 0 && namedComponent(first) !== undefined ? [first, name.slice(dot + 1)] : [name]
}

function sectionAt(sections: readonly Section[], path: StatePath): Section | undefined {
  if (sections.length === 1 && sections[0]?.key === undefined) return sections[0]
  const [first, second] = path
  return (
    sections.find(({ key }) => key === String(first)) ??
    sections.find(({ key }) => key === `${String(first)}.${String(second)}`) ??
    sections.find(({ key }) => key === 'model')
  )
}

/** `__3_0.distcp` was written by rank 3. Ranks that had nothing to write leave no file. */
function ranksIn(paths: Iterable<string>): number {
  let ranks = 0
  for (const path of paths) ranks = Math.max(ranks, Number(/^__(\d{1,6})_\d+\.distcp$/.exec(path)?.[1] ?? -1) + 1)
  return ranks
}
