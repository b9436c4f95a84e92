import { readBytes } from '../../bytes/source'
import { entrySource, type Misstated, type Torn, type ZipArchive, type ZipEntry } from '../../container/zip'
import type { DecodedPickle } from '../../decode/pickle/machine'
import type { TorchStorage } from '../../decode/pickle/torch'
import { AssayError } from '../../errors'
import { type Finding, finding } from '../../finding'
import type { StateText } from '../checkpoint'
import { some } from '../names'
import { decodePickleIn } from './pickle'
import type { Located, PickledTensors } from './tensors'

/** Pickles that are looked through for what they would import. */
const MOST_PICKLES = 256
const LARGEST_PICKLE = 16 << 20
/** Texts that are offered for reading. */
const MOST_TEXTS = 10_000
const LARGEST_TEXT = 16 << 20

export function recordNamed(archive: ZipArchive, name: string): ZipEntry | undefined {
  return archive.entries.find((entry) => entry.name === name)
}

/** The text of a record. Throws as the reads of `entrySource`. */
export async function readRecordText(archive: ZipArchive, entry: ZipEntry): Promise<string> {
  const record = entrySource(archive, entry)
  return new TextDecoder().decode(await readBytes(record, 0, record.size))
}

/** Records that people can read: code, settings. Nothing of them is read before it is asked for. */
export function textsIn(archive: ZipArchive, pattern: RegExp): StateText[] {
  return archive.entries
    .filter(({ name, size }) => pattern.test(name) && size <= LARGEST_TEXT)
    .slice(0, MOST_TEXTS)
    .map((entry) => ({ path: entry.name, size: entry.size, read: () => readRecordText(archive, entry) }))
}

/** Decodes a record that is a pickle. Throws as `decodePickleIn`. */
export async function decodeRecord(archive: ZipArchive, entry: ZipEntry): Promise<DecodedPickle> {
  const record = entrySource(archive, entry)
  return decodePickleIn(record, 0, record.size)
}

/** Pickles a loader might be made to read as well: constants of TorchScript, records someone added. Errors are values. */
export async function decodeOthers(archive: ZipArchive, done: ReadonlySet<ZipEntry>): Promise<DecodedPickle[]> {
  const pickles: DecodedPickle[] = []
  const others = archive.entries.filter(
    (entry) => !done.has(entry) && /\.(pkl|pickle)$/i.test(entry.name) && entry.size <= LARGEST_PICKLE,
  )
  for (const entry of others.slice(0, MOST_PICKLES)) {
    try {
      pickles.push(await decodeRecord(archive, entry))
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      pickles.push({ value: undefined, globals: [], protocol: 0, end: 0, error })
    }
  }
  return pickles
}

/**
 * Finds the records of storages, whose names `recordOf` tells: one source for each, shared by the tensors over it.
 * `<root>byteorder` says how their elements lie; without it they are little endian (torch/serialization.py).
 */
export async function storageRecords(
  archive: ZipArchive,
  root: string,
): Promise<(recordOf: (key: string) => string) => (storage: Pick<TorchStorage, 'key'>) => Located | undefined> {
  const records = new Map<string, { readonly entry: ZipEntry; located: Located | undefined }>()
  for (const entry of archive.entries) records.set(entry.name, { entry, located: undefined })
  const order = records.get(`${root}byteorder`)?.entry
  const bigEndian = order !== undefined && order.size <= 16 && (await readRecordText(archive, order)).trim() === 'big'
  return (recordOf) =>
    ({ key }) => {
      const record = records.get(recordOf(key))
      if (!record) return undefined
      const { entry } = record
      const byteLength = bytesThere(archive, entry)
      record.located ??= { source: entrySource(archive, entry), offset: 0, byteLength, bigEndian }
      return record.located
    }
}

/** Bytes of a record that the file can hold: of a record that the end of the file cuts, none can be trusted. */
export function bytesThere({ source }: ZipArchive, { method, headerOffset, size, cut }: ZipEntry): number {
  if (cut) return 0
  return method === 0 ? Math.max(0, Math.min(size, source.size - headerOffset)) : size
}

export function tornFinding(archive: ZipArchive, file: string, intact: number, lost: number): Finding {
  const { offset, reason, isWhole }: Torn = archive.torn ?? { offset: archive.source.size, reason: '' }
  const tail = intact + lost === 0 ? 'nothing can be read from it' : `${intact} of ${intact + lost} tensors are whole`
  const what = isWhole
    ? `${file}: the directory of the archive is damaged, without which torch opens none; its records were found by their own headers`
    : `${file} was cut off (${reason})`
  return finding(isWhole ? 'file/bad-header' : 'file/truncated', file, `${what}; ${tail}`, {
    evidence: { offset, size: archive.source.size, intact, lost },
    ...(intact > 0 && { repair: 'A repair saves what is whole' }),
  })
}

/** A record that is whole although something that is stored of it is not so. torch refuses a damaged header and looks at no checksum. */
export function misstatement(file: string, { name }: ZipEntry, what: Misstated): Finding {
  const told = {
    header:
      'no sound local header of RECORD is where the directory has it; the descriptor behind its bytes tells where they are',
    checksum: 'the directory has a wrong checksum for RECORD; its bytes match the one that is stored with them',
  }[what]
  return finding('file/bad-header', file, `${file}: ${told.replace('RECORD', () => name)}`, {
    ...(what === 'checksum' && { severity: 'warning' as const }),
    evidence: { record: name, misstated: what },
    repair: 'A repair writes the file anew, every value as it is',
  })
}

/** What became of the storages: cut off with the end of the archive, absent, or shorter than the pickle says. */
export function storageFindings(
  archive: ZipArchive,
  { tensors, bad, lost }: PickledTensors,
  file: string,
  recordOf: (key: string) => string,
): Finding[] {
  if (archive.torn) return [tornFinding(archive, file, tensors.length - lost.length, lost.length)]
  return bad.slice(0, 50).map(({ key, expected, there, lost: names }) => {
    const record = recordOf(key)
    const state = there === undefined ? 'is missing' : `has ${there} of ${expected} bytes`
    const loss = names.length > 0 ? `; the values of ${some(names)} are lost` : ''
    return finding('file/bad-header', file, `${file}: the record ${record} ${state}${loss}`, {
      // In an archive that is whole, a record is as short as its writer made it.
      evidence: {
        record,
        expected,
        ...(there !== undefined && { there, asWritten: true }),
        tensors: names.slice(0, 50),
      },
    })
  })
}
