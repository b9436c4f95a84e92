import type { ByteSource } from '../../bytes/source'
import { quote, Report } from '../../decode/report'
import { AssayError } from '../../errors'
import { type Finding, finding } from '../../finding'
import { AttributeReader } from './attributes'
import { type Hdf5Dataset, readDataset } from './dataset'
import type { Fields } from './fields'
import { denseObjects, readLinks } from './links'
import type { Metadata } from './metadata'
import { MESSAGE, type Message, readMessages } from './object-header'
import { readSuperblock } from './superblock'

export interface NamedDataset extends Hdf5Dataset {
  /** Names from the root group on, a slash between them. */
  readonly path: string
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

export interface Hdf5File {
  /** Group by group, names in order. */
  readonly datasets: readonly NamedDataset[]
  /** Texts of the attributes of each group by its path (`` for the root). */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>
  /** Names that lead out of the file's own objects. Never followed. */
  readonly links: readonly { readonly path: string; readonly elsewhere: string }[]
  readonly findings: readonly Finding[]
}

/** Groups in groups, and characters of a path: more are of no writer. */
const DEEPEST = 64
const LONGEST_PATH = 1 << 12

/**
 * Lists the datasets of an HDF5 file and where their values are, reading no value. Soft and external links, and datasets in
 * other files, are told and never followed. What is wrong with one object is a finding, the rest is listed. Throws AssayError
 * when the superblock or the root group cannot be read.
 */
export async function readHdf5(source: ByteSource): Promise<Hdf5File> {
  const { metadata, root, end } = await readSuperblock(source)
  const walk = new Walk(metadata)
  await walk.group('', 0, root, await readMessages(metadata, root))
  await walk.rest()
  const findings = walk.report.findings(source.name)
  if (end > source.size) {
    const message = `${source.name} ends at byte ${source.size}; it was closed with ${end} bytes`
    findings.push(finding('file/truncated', source.name, message, { evidence: { size: source.size, expected: end } }))
  }
  return { datasets: walk.datasets, attributes: walk.attributes, links: walk.links, findings }
}

/** An object that was reached and not yet looked at. */
interface Reached {
  readonly path: string
  readonly depth: number
  readonly address: number
}

class Walk {
  readonly datasets: NamedDataset[] = []
  readonly attributes = new Map<string, ReadonlyMap<string, readonly string[]>>()
  readonly links: { readonly path: string; readonly elsewhere: string }[] = []
  readonly report = new Report()
  readonly #queue: Reached[] = []
  readonly #texts: AttributeReader
  /** Datasets by the address of their header: two names may lead to one. */
  readonly #known = new Map<number, Omit<NamedDataset, 'path'>>()
  readonly #groups = new Set<number>()

  constructor(private readonly metadata: Metadata) {
    this.#texts = new AttributeReader(metadata)
  }

  /** Looks at everything that groups lead to, until nothing new is found. */
  async rest(): Promise<void> {
    for (let next = this.#queue.pop(); next; next = this.#queue.pop()) {
      try {
        await this.#object(next)
      } catch (error) {
        if (!(error instanceof AssayError)) throw error
        const { path } = next
        const offset = error.offset === undefined ? {} : { offset: error.offset }
        this.#tell(error.code === 'file/truncated' ? 'file/truncated' : 'file/bad-header', path, error.message, offset)
      }
    }
  }

  async group(path: string, depth: number, address: number, messages: readonly Message[]): Promise<void> {
    this.#groups.add(address)
    this.attributes.set(path, await this.#attributesIn(messages, path))
    const links = await readLinks(this.metadata, messages)
    links.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    const reached: Reached[] = []
    for (const link of links) {
      const inner = path === '' ? link.name : `${path}/${link.name}`
      if (depth >= DEEPEST || inner.length > LONGEST_PATH) {
        this.#tell('file/resource-bomb', path, `${this.#at(path)}: groups lie in groups beyond all measure`)
      } else if ('address' in link) reached.push({ path: inner, depth: depth + 1, address: link.address })
      else this.links.push({ path: inner, elsewhere: link.elsewhere })
    }
    this.#queue.push(...reached.reverse())
  }

  async #object({ path, depth, address }: Reached): Promise<void> {
    const known = this.#known.get(address)
    if (known) {
      this.datasets.push({ ...known, path })
      return
    }
    // A group with two names is listed under the first: a group may hold itself.
    if (this.#groups.has(address)) return
    const messages = await readMessages(this.metadata, address)
    const dataset = await readDataset(this.metadata, messages)
    if (dataset) {
      const made = { ...dataset, attributes: await this.#attributesIn(messages, path) }
      this.#known.set(address, made)
      this.datasets.push({ ...made, path })
    } else if (messages.some(({ type }) => GROUP.has(type))) await this.group(path, depth, address, messages)
  }

  async #attributesIn(messages: readonly Message[], path: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const attributes = new Map<string, readonly string[]>()
    for (const { type, shared, body } of messages) {
      if (shared || (type !== MESSAGE.attribute && type !== MESSAGE.attributeInfo)) continue
      try {
        for (const each of type === MESSAGE.attribute ? [body] : await this.#denseAttributes(body)) {
          const { name, texts } = await this.#texts.read(each)
          if (texts) attributes.set(name, texts)
        }
      } catch (error) {
        if (!(error instanceof AssayError)) throw error
        this.#tell('file/bad-header', path, `${error.message}: an attribute of ${this.#at(path)}`)
      }
    }
    return attributes
  }

  /** Those in a heap, where an object has more than eight: an id comes first in each record. */
  #denseAttributes(info: Fields): Promise<Fields[]> {
    info.skip(1)
    info.skip(info.u8() & 1 ? 2 : 0)
    return denseObjects(this.metadata, info, 0)
  }

  #at(path: string): string {
    return `${this.metadata.source.name}: ${path === '' ? 'the root group' : quote(path)}`
  }

  #tell(
    rule: 'file/truncated' | 'file/bad-header' | 'file/resource-bomb',
    path: string,
    message: string,
    evidence?: Record<string, unknown>,
  ): void {
    this.report.add(rule, rule, path || this.metadata.source.name, message, evidence)
  }
}

/** Messages that make an object a group. */
const GROUP: ReadonlySet<number> = new Set([MESSAGE.symbolTable, MESSAGE.linkInfo, MESSAGE.link])
