import type { ByteSink } from '../../bytes/sink'
import type { ByteSource } from '../../bytes/source'
import { isComplex, itemSize } from '../../checkpoint/dtype'
import { RECORD } from '../../checkpoint/rebuilt'
import { byteLength } from '../../checkpoint/tensor'
import { isStoredCrc } from '../../container/zip'
import { torchStorageOf, torchTensorOf } from '../../decode/pickle/torch'
import type { PyValue } from '../../decode/pickle/value'
import { AssayError, throwIfAborted } from '../../errors'
import { exactBlocks, type WriteOptions } from '../../write/output'
import { encodePickle } from '../../write/pickle'
import { TorchArchive } from '../../write/torch-archive'
import type { ChangedFile } from '../changes'
import { isUntouched } from '../changes'
import { stepsText } from '../provenance'
import type { Plainness } from '../steps'
import { editPickle, storageKeys, walk } from '../torch-edit'
import { plainValue } from './plain-value'
import { openTorch, storageBlocks, type TorchSource } from './torch-source'

/**
 * Writes a file of `torch.save`, of whatever form, as a torch zip of plain values, little endian, with the changes that are
 * planned for its tensors. `source` is only read. Throws as `openTorch`, `editPickle` and `plainValue`, `file/checksum` when a
 * storage differs from its CRC-32, and what reading and writing throw.
 */
export async function writePlain(
  sink: ByteSink,
  source: ByteSource,
  { file, tensors, steps, entries }: ChangedFile,
  { made, gone }: Plainness,
  options: WriteOptions,
): Promise<void> {
  const torch = await openTorch(source, file)
  const planned = tensors.filter(({ values, was }) => was !== undefined || !made.includes(values))
  const same = planned.length === file.tensors.length && planned.every(isUntouched)
  const added = same && entries.length === 0 ? [] : editPickle(torch.value, file, planned, { kept: gone, entries })
  const { value, stored } = plainValue(torch.value)

  const own = new Map([
    ...stored.map((each) => [each.key, each] as const),
    ...added.map(({ key, values }) => {
      const blocks = (signal?: AbortSignal) => exactBlocks(values, signal)
      return [key, { key, byteLength: byteLength(values), blocks }] as const
    }),
  ])
  let done = 0
  async function* counted(blocks: AsyncIterable<Uint8Array>) {
    for await (const block of blocks) {
      throwIfAborted(options.signal)
      yield block
      done += block.byteLength
      options.onProgress?.(done, source.size, file.path)
    }
  }
  const archive = new TorchArchive(sink, 'archive')
  await archive.addBytes('data.pkl', encodePickle(value))
  await archive.addBytes('.format_version', '1')
  await archive.addBytes('.storage_alignment', '64')
  await archive.addBytes('byteorder', 'little')
  const items = elementSizes(value)
  for (const key of storageKeys(value)) {
    const mine = own.get(key)
    if (mine) await archive.add(`data/${key}`, mine.byteLength, counted(mine.blocks(options.signal)))
    else await copyStorage(archive, torch, key, items.get(key) ?? 1, file.path, counted)
  }
  await archive.addBytes('version', '3\n')
  await archive.addBytes(RECORD, stepsText(steps))
  await archive.finish()
}

async function copyStorage(
  archive: TorchArchive,
  torch: TorchSource,
  key: string,
  item: number,
  path: string,
  counted: (blocks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): Promise<void> {
  const there = torch.storage(key)
  if (!there) return
  const crc = await archive.add(`data/${key}`, there.byteLength, counted(storageBlocks(there, item)))
  const { record, bigEndian } = there
  if (!record || bigEndian || record.entry.crc32 === 0) return
  const { archive: from, entry } = record
  if (await isStoredCrc(from, entry, crc)) return
  throw new AssayError('file/checksum', `${path}: the record ${entry.name} differs from the checksum stored with it`, {
    file: path,
    offset: entry.headerOffset,
    hint: 'Nothing was written: a copy would hide the damage. With all values checked, the plan tells what can be kept; or take the file from another copy.',
  })
}

/** Bytes of the numbers in each storage: of an untyped one those of the tensors over it, of complex numbers those of a half. */
function elementSizes(root: PyValue): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const node of walk(root)) {
    const tensor = torchTensorOf(node)
    const storage = tensor?.storage ?? torchStorageOf(node)
    const dtype = storage?.dtype === 'bytes' ? tensor?.dtype : storage?.dtype
    if (!storage || dtype === undefined) continue
    sizes.set(storage.key, isComplex(dtype) ? itemSize(dtype) / 2 : itemSize(dtype))
  }
  return sizes
}
