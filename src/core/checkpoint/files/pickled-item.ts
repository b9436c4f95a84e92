import { type ByteSource, memorySource, readBytes } from '../../bytes/source'
import { openZip } from '../../container/zip'
import type { Place } from '../../decode/distributed'
import { type DecodedPickle, decodePickle } from '../../decode/pickle/machine'
import { findTensors } from '../../decode/pickle/torch'
import type { PyValue } from '../../decode/pickle/value'
import { AssayError } from '../../errors'
import type { Locate } from './tensors'
import { decodeRecord, storageRecords } from './torch-records'

/** An object that torch.save wrote into a range of a file. */
export interface PickledItem {
  readonly pickle: DecodedPickle
  /** Where the values of the tensors in it are, by the value that stands for the tensor. */
  readonly tensors: ReadonlyMap<PyValue, Locate>
}

/** Bytes of one object: a param group, a scheduler, a random state, a data loader's state. */
const LARGEST_ITEM = 64 << 20

/**
 * Reads an object of torch.distributed.checkpoint: a torch file, or a bare pickle, at its place. Throws AssayError
 * `file/resource-bomb` for an object beyond 64 MiB, and as `openZip` and the source.
 */
export async function readPickledItem(file: ByteSource, { offset, length }: Place): Promise<PickledItem> {
  const name = `${file.name} at ${offset}`
  if (length > LARGEST_ITEM) {
    throw new AssayError('file/resource-bomb', `${name}: an object of ${length} bytes is beyond what is decoded`, {
      file: file.name,
      offset,
    })
  }
  const bytes = await readBytes(file, offset, length)
  if (bytes[0] === 0x80) return { pickle: decodePickle(bytes, { name: file.name, offset }), tensors: new Map() }
  const archive = await openZip(memorySource(name, bytes))
  const main = archive.entries.find((entry) => /^([^/]+\/)?data\.pkl$/.test(entry.name))
  if (!main) throw new AssayError('file/bad-header', `${name} holds no data.pkl`, { file: file.name, offset })
  const pickle = await decodeRecord(archive, main)
  const root = main.name.slice(0, -'data.pkl'.length)
  const inside = pickle.value === undefined ? [] : findTensors(pickle.value)
  if (inside.length === 0) return { pickle, tensors: new Map() }
  const locate = (await storageRecords(archive, root))((key) => `${root}data/${key}`)
  return { pickle, tensors: new Map(inside.map(({ value }) => [value, locate])) }
}
