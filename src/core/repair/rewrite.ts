import { openFile } from '../bytes/file'
import { joinPath } from '../bytes/folder'
import type { ByteSink } from '../bytes/sink'
import { type ByteSource, readBytes } from '../bytes/source'
import { RECORD } from '../checkpoint/rebuilt'
import { byteLength } from '../checkpoint/tensor'
import { checkCrc, entrySource, isStoredCrc, openZip, type ZipEntry } from '../container/zip'
import { decodePickle } from '../decode/pickle/machine'
import { AssayError } from '../errors'
import { pour, pourSource, type WriteOptions } from '../write/output'
import { encodePickle } from '../write/pickle'
import { writeSafetensors } from '../write/safetensors'
import { TorchArchive } from '../write/torch-archive'
import type { ChangedFile } from './changes'
import type { Witnessed } from './check'
import { writePlain } from './plain/write-plain'
import { stampedMetadata, stepsText } from './provenance'
import { whyNotRewritable } from './rewritable'
import { editPickle, storageKeys } from './torch-edit'

/**
 * Writes a changed file in the format of its original, which lies in `root` and is only read: safetensors with the
 * original's metadata, a torch zip with everything the original has but the tensors that were changed, either with a note of
 * what was done. `outputs` are the planned tensors, in their order.
 *
 * Throws `file/changed` when the original is not what it was when it was opened, `file/checksum` when a record does not match its
 * CRC-32 (a copy with a new one would hide that), `target/not-rewritable`, and what reading and writing throw.
 */
export async function rewrite(
  sink: ByteSink,
  changed: ChangedFile,
  outputs: readonly Witnessed[],
  root: string,
  options: WriteOptions,
): Promise<void> {
  const { file, plain } = changed
  if (file.kind === 'safetensors') return writeSafetensors(sink, outputs, stampedMetadata(changed), options)
  const source = openFile(joinPath(root, file.path), file.path)
  try {
    if (plain) return await writePlain(sink, source, changed, plain, options)
    const isSalvaged = changed.steps.some(({ salvage }) => salvage)
    const why = whyNotRewritable(file, false, isSalvaged)
    if (why !== undefined) throw new AssayError('target/not-rewritable', why, { file: file.path })
    await rewriteTorchZip(sink, source, changed, options)
  } finally {
    source.close()
  }
}

/** Records keep their names and order; `data/<key>` follow the order in which the pickle names them, as torch writes them. */
async function rewriteTorchZip(
  sink: ByteSink,
  source: ByteSource,
  { file, tensors, steps, entries }: ChangedFile,
  options: WriteOptions,
): Promise<void> {
  const zip = await openZip(source)
  const main = zip.entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name))
  if (!main) throw new AssayError('file/changed', `${file.path} has no data.pkl any more`, { file: file.path })
  if ((await checkCrc(zip, main, options.signal))?.isSame === false) throw wrongChecksum(source, main)
  const record = entrySource(zip, main)
  const { value = null, error } = decodePickle(await readBytes(record, 0, record.size), { name: record.name })
  if (error) throw error
  const added = new Map(editPickle(value, file, tensors, { entries }).map(({ key, values }) => [key, values]))

  const folder = main.name.slice(0, -'data.pkl'.length)
  const isData = ({ name }: ZipEntry) => name.startsWith(`${folder}data/`)
  const stored = new Map(zip.entries.filter(isData).map((entry) => [entry.name, entry]))
  const firstStored = zip.entries.findIndex(isData)
  const others = zip.entries.filter((entry) => entry !== main && !isData(entry) && !entry.cut)
  const before = new Set(zip.entries.slice(0, Math.max(firstStored, 0)))

  const earlier = zip.entries.find(({ name }) => name === `${folder}${RECORD}`)
  const stepsBefore = earlier && (await textOf(entrySource(zip, earlier)))
  const archive = new TorchArchive(sink, folder.slice(0, -1))
  let done = 0
  const onBytes = (bytes: number) => {
    done += bytes
    options.onProgress?.(done, source.size, file.path)
  }
  const pouring = { onBytes, ...(options.signal && { signal: options.signal }) }
  const copy = async (entry: ZipEntry) => {
    const crc = await archive.addPoured(entry.name.slice(folder.length), entry.size, (onBlock) =>
      pourSource(sink, entrySource(zip, entry), { ...pouring, onBlock }),
    )
    if (entry.crc32 !== 0 && !(await isStoredCrc(zip, entry, crc))) throw wrongChecksum(source, entry)
  }
  const copyOther = async (entry: ZipEntry) => {
    if (entry.name === `${folder}.data/serialization_id` || entry === earlier) return
    // Whatever the original was aligned to, these records are aligned to 64.
    if (entry.name === `${folder}.storage_alignment`) await archive.addBytes('.storage_alignment', '64')
    else await copy(entry)
  }

  await archive.addBytes('data.pkl', encodePickle(value))
  for (const entry of others) if (before.has(entry)) await copyOther(entry)
  for (const key of storageKeys(value)) {
    const values = added.get(key)
    const entry = stored.get(`${folder}data/${key}`)
    if (values)
      await archive.addPoured(`data/${key}`, byteLength(values), (onBlock) =>
        pour(sink, values, { ...pouring, onBlock }),
      )
    else if (entry) await copy(entry)
  }
  for (const entry of others) if (!before.has(entry)) await copyOther(entry)
  // What stands behind the storages may have been cut off with them; torch reads no archive without it.
  if (!others.some(({ name }) => name === `${folder}version`)) await archive.addBytes('version', '3\n')
  await archive.addBytes(RECORD, stepsText(steps, stepsBefore))
  await archive.finish()
}

async function textOf(source: ByteSource): Promise<string> {
  return new TextDecoder().decode(await readBytes(source, 0, source.size))
}

function wrongChecksum({ name }: ByteSource, entry: ZipEntry): AssayError {
  return new AssayError('file/checksum', `${name}: the record ${entry.name} differs from the checksum stored with it`, {
    file: name,
    offset: entry.headerOffset,
    hint: 'Nothing was written: a copy would hide the damage. With all values checked, the plan tells what can be kept; or take the file from another copy.',
  })
}
