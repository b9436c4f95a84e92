import { readBytes } from '../../bytes/source'
import { entrySource, type ZipArchive, type ZipEntry } from '../../container/zip'
import type { DecodedPickle } from '../../decode/pickle/machine'
import type { TorchStorage } from '../../decode/pickle/torch'
import { AssayError } from '../../errors'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { sectionsIn } from '../sections'
import type { Contents } from './contents'
import { decodePickleIn, distinct, notWeightsOnly, pickleFindings } from './pickle'
import { type Located, type PickledTensors, tensorsOf } from './tensors'

/** Pickles beside `data.pkl` that are looked through for what they would import. */
const MORE_PICKLES = 256
const MORE_PICKLES_BYTES = 16 << 20

/** Archives that are zips but no torch archive, by a record they hold. */
const OTHER_ZIPS: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /(^|\/)archive_format$/, what: 'a torch.export archive (.pt2)' },
  { pattern: /(^|\/)\.data\/extern_modules$/, what: 'a torch.package archive' },
  { pattern: /^model\.weights\.h5$/, what: 'a Keras 3 archive' },
  { pattern: /^\[Content_Types\]\.xml$/, what: 'an Office document' },
]

/**
 * A zip that `torch.save` or `torch.jit.save` wrote: `<root>/data.pkl` says what there is, `<root>/data/<key>` are the
 * storages, `<root>/byteorder` how their elements lie (caffe2/serialize/inline_container.cc, torch/serialization.py).
 * Reads the directory and the pickles, no storage. Throws AssayError when there is no archive to be read.
 */
export async function readTorchZip(archive: ZipArchive, file: string, component: ComponentId): Promise<Contents> {
  const main = archive.entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name)) ?? byName(archive, 'data.pkl')
  const findings = [...archive.findings]
  if (!main) {
    if (archive.torn)
      return { tensors: [], sections: [], globals: [], findings: [...findings, tornFinding(archive, file, 0, 0)] }
    return { tensors: [], sections: [], globals: [], findings: [...findings, foreignZip(archive, file)] }
  }
  const root = main.name.slice(0, -'data.pkl'.length)
  const pickle = await decodeEntry(archive, main)
  const others = await otherPickles(archive, main)
  const locate = await storages(archive, root)
  const sections = sectionsIn(pickle.value, component)
  const found = tensorsOf(sections, file, locate)
  const globals = distinct([pickle, ...others].flatMap((each) => each.globals))

  findings.push(...pickleFindings([pickle, ...others], file), ...storageFindings(archive, found, file, root))
  const scripted = byName(archive, `${root}constants.pkl`) !== undefined
  const holdsWeights = found.tensors.some((tensor) => tensor.component === 'weights' || tensor.component === 'adapter')
  if (!scripted && holdsWeights) findings.push(...notWeightsOnly(pickle.globals, pickle.protocol, file))
  return { tensors: found.tensors, value: pickle.value, sections, globals, findings }
}

async function decodeEntry(archive: ZipArchive, entry: ZipEntry): Promise<DecodedPickle> {
  const record = entrySource(archive, entry)
  return decodePickleIn(record, 0, record.size)
}

/** Pickles a loader might be made to read as well: constants of TorchScript, records someone added. */
async function otherPickles(archive: ZipArchive, main: ZipEntry): Promise<DecodedPickle[]> {
  const pickles: DecodedPickle[] = []
  const others = archive.entries.filter(
    (e) => e !== main && /\.(pkl|pickle)$/i.test(e.name) && e.size <= MORE_PICKLES_BYTES,
  )
  for (const entry of others.slice(0, MORE_PICKLES)) {
    try {
      pickles.push(await decodeEntry(archive, entry))
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      pickles.push({ value: undefined, globals: [], protocol: 0, end: 0, error })
    }
  }
  return pickles
}

/** Finds the record of a storage. One source for each, shared by the tensors over it. */
async function storages(archive: ZipArchive, root: string): Promise<(storage: TorchStorage) => Located | undefined> {
  const records = new Map(archive.entries.map((entry) => [entry.name, entry]))
  const order = records.get(`${root}byteorder`)
  const bigEndian = order !== undefined && order.size <= 16 && (await readText(archive, order)).trim() === 'big'
  const located = new Map<string, Located | undefined>()
  return ({ key }) => {
    if (located.has(key)) return located.get(key)
    const entry = records.get(`${root}data/${key}`)
    const where = entry && {
      source: entrySource(archive, entry),
      offset: 0,
      byteLength: bytesThere(archive, entry),
      ...(bigEndian && { bigEndian }),
    }
    located.set(key, where)
    return where
  }
}

/** Bytes of a record that the file can hold: of a record that the end of the file cuts, none can be trusted. */
function bytesThere({ source }: ZipArchive, { method, headerOffset, size, cut }: ZipEntry): number {
  if (cut) return 0
  return method === 0 ? Math.max(0, Math.min(size, source.size - headerOffset)) : size
}

async function readText(archive: ZipArchive, entry: ZipEntry): Promise<string> {
  const record = entrySource(archive, entry)
  return new TextDecoder().decode(await readBytes(record, 0, record.size))
}

function byName(archive: ZipArchive, name: string): ZipEntry | undefined {
  return archive.entries.find((entry) => entry.name === name)
}

function foreignZip(archive: ZipArchive, file: string): Finding {
  const names = archive.entries.map(({ name }) => name)
  const what = OTHER_ZIPS.find(({ pattern }) => names.some((name) => pattern.test(name)))?.what
  const message = `${file} is ${what ?? `a zip archive without data.pkl (it holds ${some(names) || 'nothing'})`}`
  return finding('file/unknown-format', file, message, { evidence: { records: names.slice(0, 50) } })
}

function tornFinding(archive: ZipArchive, file: string, intact: number, lost: number): Finding {
  const { offset, reason } = archive.torn ?? { offset: archive.source.size, reason: '' }
  const tail = intact + lost === 0 ? 'nothing can be read from it' : `${intact} of ${intact + lost} tensors are whole`
  return finding('file/truncated', file, `${file} was cut off (${reason}); ${tail}`, {
    evidence: { offset, size: archive.source.size, intact, lost },
    ...(intact > 0 && { repair: 'Export what is whole' }),
  })
}

/** What became of the storages: cut off with the end of the archive, absent, or shorter than the pickle says. */
function storageFindings(archive: ZipArchive, found: PickledTensors, file: string, root: string): Finding[] {
  const { tensors, bad, lost } = found
  if (archive.torn) return [tornFinding(archive, file, tensors.length - lost.length, lost.length)]
  return bad.slice(0, 50).map(({ key, expected, there, lost: names }) => {
    const record = `${root}data/${key}`
    const state = there === undefined ? 'is missing' : `has ${there} of ${expected} bytes`
    const loss = names.length > 0 ? `; the values of ${some(names)} are lost` : ''
    return finding('file/bad-header', file, `${file}: the record ${record} ${state}${loss}`, {
      evidence: { record, expected, ...(there !== undefined && { there }), tensors: names.slice(0, 50) },
    })
  })
}
