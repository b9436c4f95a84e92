import type { ByteSource } from '../../bytes/source'
import { entrySource, entryStart, type ZipArchive, type ZipEntry } from '../../container/zip'
import { NPY_HEAD, parseNpyHeader } from '../../decode/npy'
import { AssayError } from '../../errors'
import { finding, findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import type { Contents } from './contents'
import { readArray } from './npy'
import { distinct } from './pickle'

/** Whether the archive is one that `numpy.savez` writes: nothing but .npy records. */
export function isNpz({ entries }: ZipArchive): boolean {
  return entries.length > 0 && entries.every(({ name }) => name.endsWith('.npy'))
}

/**
 * The arrays of a .npz archive, named by their records without `.npy`. Headers are read, of compressed records nothing
 * else. A record that cannot be read is a finding.
 */
export async function readNpz(archive: ZipArchive, file: string, component: ComponentId): Promise<Contents> {
  const parts: Contents[] = []
  const shared = lastInflated()
  for (const entry of archive.entries) {
    try {
      const head = await entryStart(archive, entry, NPY_HEAD)
      const header = parseNpyHeader(head, `${file}:${entry.name}`)
      const source = shared(entrySource(archive, entry), entry)
      parts.push(await readArray(source, header, entry.name.slice(0, -'.npy'.length), file, component))
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      parts.push({ tensors: [], sections: [], globals: [], findings: [findingOf(error, file)] })
    }
  }
  const findings = [...archive.findings]
  if (archive.torn) {
    const { offset, reason, isWhole } = archive.torn
    const what = isWhole ? `${file}: the directory of the archive is damaged` : `${file} was cut off (${reason})`
    const message = `${what}; ${parts.length} of its arrays were found`
    findings.push(
      finding(isWhole ? 'file/bad-header' : 'file/truncated', file, message, {
        evidence: { offset, size: archive.source.size },
      }),
    )
  }
  return {
    kind: 'npz',
    tensors: parts.flatMap(({ tensors }) => tensors),
    sections: [],
    globals: distinct(parts.flatMap(({ globals }) => globals)),
    findings: [...findings, ...parts.flatMap(({ findings }) => findings)],
  }
}

/** Keeps of all compressed records only the one read last in memory. */
function lastInflated(): (source: ByteSource, entry: ZipEntry) => ByteSource {
  let last: ByteSource | undefined
  return (source, { method }) => {
    if (method === 0) return source
    return {
      name: source.name,
      size: source.size,
      read(offset, target) {
        if (last !== source) last?.close()
        last = source
        return source.read(offset, target)
      },
      close: () => source.close(),
    }
  }
}
