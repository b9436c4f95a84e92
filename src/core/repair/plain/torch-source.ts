import { type ByteSource, readBytes } from '../../bytes/source'
import type { StateFile } from '../../checkpoint/checkpoint'
import { decodePickleIn } from '../../checkpoint/files/pickle'
import type { Located } from '../../checkpoint/files/tensors'
import { decodeRecord, recordNamed, storageRecords } from '../../checkpoint/files/torch-records'
import { readTar } from '../../container/tar'
import { isTorchLegacyAt, readTorchLegacy } from '../../container/torch-legacy'
import { readTorchTar } from '../../container/torch-tar'
import { checkCrc, openZip, type ZipArchive, type ZipEntry } from '../../container/zip'
import type { DecodedPickle } from '../../decode/pickle/machine'
import type { PyValue } from '../../decode/pickle/value'
import { AssayError } from '../../errors'

/** A record and the archive that it is in. */
interface StoredRecord {
  readonly archive: ZipArchive
  readonly entry: ZipEntry
}

/** A file of `torch.save` or `pickle.dump` opened for writing it anew, whatever its form. */
export interface TorchSource {
  /** The main object, decoded for this: whoever asked may change it. */
  readonly value: PyValue
  /** Where a storage lies, if it is there, and the record of the archive that it is, if there is one. */
  storage(key: string): (Located & { readonly record?: StoredRecord }) | undefined
  /** Records of an archive that are neither the object, nor a storage, nor how they are written. */
  readonly others: readonly string[]
}

/** What `torch.save` puts into an archive beside the object and the storages. */
const OWN =
  /^[^/]+\/(data\.pkl|data\/.*|byteorder|version|\.format_version|\.storage_alignment|\.data\/serialization_id)$/

/**
 * Opens a torch zip, a legacy stream, the tar of torch 0.1 or a bare pickle. Throws `target/not-rewritable` for any other kind and
 * for several objects in one stream, `file/checksum` when the object differs from its CRC-32, and as the readers of the forms.
 */
export async function openTorch(source: ByteSource, { kind, path }: StateFile): Promise<TorchSource> {
  switch (kind) {
    case 'torch-zip':
      return fromZip(source)
    case 'torch-legacy':
      return fromLegacy(source)
    case 'torch-tar': {
      const { main, storages } = await readTorchTar(await readTar(source))
      return { value: objectOf(main), storage: (key) => storages.get(key), others: [] }
    }
    case 'pickle': {
      const main = await decodePickleIn(source, 0, source.size)
      return {
        value: objectOf(main),
        storage: () => undefined,
        others: main.end < source.size ? ['what follows it'] : [],
      }
    }
    default:
      throw new AssayError('target/not-rewritable', `${path} is no file of torch.save`, { file: path })
  }
}

async function fromZip(source: ByteSource): Promise<TorchSource> {
  const archive = await openZip(source)
  const main = archive.entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name)) ?? recordNamed(archive, 'data.pkl')
  if (!main) throw new AssayError('file/changed', `${source.name} has no data.pkl any more`, { file: source.name })
  if ((await checkCrc(archive, main))?.isSame === false)
    throw new AssayError('file/checksum', `${source.name}: ${main.name} differs from the checksum stored with it`, {
      file: source.name,
    })
  const root = main.name.slice(0, -'data.pkl'.length)
  const locate = (await storageRecords(archive, root))((key) => `${root}data/${key}`)
  const entries = new Map(archive.entries.map((entry) => [entry.name, entry]))
  return {
    value: objectOf(await decodeRecord(archive, main)),
    storage(key) {
      const located = locate({ key })
      const entry = entries.get(`${root}data/${key}`)
      return located && { ...located, ...(entry && { record: { archive, entry } }) }
    },
    others: archive.entries.map(({ name }) => name).filter((name) => !OWN.test(name) && !name.endsWith('/')),
  }
}

async function fromLegacy(source: ByteSource): Promise<TorchSource> {
  const { main, storages, littleEndian, end } = await readTorchLegacy(source)
  if (await isTorchLegacyAt(source, end))
    throw new AssayError(
      'target/not-rewritable',
      `${source.name} holds several objects one behind another, of which a zip holds one; export the weights instead`,
      {
        file: source.name,
        hint: 'Export the weights instead',
      },
    )
  const storage = (key: string) => {
    const there = storages.get(key)
    return there && { source, ...there, bigEndian: !littleEndian }
  }
  return { value: objectOf(main), storage, others: [] }
}

function objectOf({ value, error }: DecodedPickle): PyValue {
  if (error) throw error
  return value ?? null
}

/** All bytes of a storage, little endian: elements of `item` bytes are turned around where they are not. */
export async function* storageBlocks(
  { source, offset, byteLength, bigEndian }: Located,
  item: number,
): AsyncGenerator<Uint8Array> {
  const step = 2 ** 20
  for (let at = 0; at < byteLength; at += step) {
    const block = await readBytes(source, offset + at, Math.min(step, byteLength - at))
    if (bigEndian) swap(block, item)
    yield block
  }
}

function swap(bytes: Uint8Array, item: number): void {
  for (let at = 0; item > 1 && at + item <= bytes.length; at += item) bytes.subarray(at, at + item).reverse()
}
