import { openFile } from '../../bytes/file'
import { joinPath, parentOf, pathKind } from '../../bytes/folder'
import type { Checkpoint, FileKind, StateFile } from '../../checkpoint/checkpoint'
import { misstatement } from '../../checkpoint/files/torch-records'
import { checkCrc, openZip, type ZipEntry } from '../../container/zip'
import { Report } from '../../decode/report'
import { AssayError } from '../../errors'
import { type Finding, finding, findingOf } from '../../finding'
import type { Rule } from '../rule'
import { list } from '../text'

/** Records of one file told one by one; who knows that so many are damaged needs no more. */
const MOST_TOLD = 50

const ZIPS: ReadonlySet<FileKind> = new Set<FileKind>([
  'torch-zip',
  'torch-package',
  'torch-export',
  'state-archive',
  'npz',
])

/** Records of an archive whose bytes are not those that were written. torch.load does not look. */
export const checksum: Rule = {
  ids: ['file/checksum'],
  needs: 'values',
  async *check({ checkpoint, signal }) {
    for (const file of checkpoint.files) {
      // Where the archive is torn, or would burst, its checksums say nothing new.
      const broken = file.findings.some(({ rule }) => rule === 'file/truncated' || rule === 'file/resource-bomb')
      if (ZIPS.has(file.kind) && !broken) yield* mismatches(checkpoint, file, signal)
    }
  },
}

async function* mismatches(
  { path }: Checkpoint,
  file: StateFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<Finding> {
  const source = openFile(joinPath(pathKind(path) === 'file' ? parentOf(path) : path, file.path), file.path)
  try {
    const archive = await openZip(source).catch((error: unknown) => {
      // Opening the checkpoint has told why it cannot be read.
      if (!(error instanceof AssayError)) throw error
    })
    if (!archive) return
    const unreadable = new Report()
    let told = 0
    let misstated = 0
    for (const entry of archive.entries) {
      try {
        const check = await checkCrc(archive, entry, signal)
        if (check?.misstated !== undefined && !isTold(file, entry) && ++misstated <= MOST_TOLD)
          yield misstatement(file.path, entry, check.misstated)
        if (check?.isSame !== false) continue
      } catch (error) {
        const { rule, message, evidence } = findingOf(error, file.path)
        unreadable.add(rule, rule, file.path, message, { ...evidence, record: entry.name })
        continue
      }
      if (++told > MOST_TOLD) break
      yield mismatch(file, entry)
    }
    yield* unreadable.findings(file.path)
  } finally {
    source.close()
  }
}

/** Whether opening the file has told of the record. */
function isTold({ findings }: StateFile, { name }: ZipEntry): boolean {
  return findings.some(({ evidence }) => evidence?.record === name)
}

function mismatch(file: StateFile, { name, crc32 }: ZipEntry): Finding {
  const tensors = file.tensors
    .filter(({ storage }) => storage && name.endsWith(`/data/${storage.key}`))
    .map((t) => t.name)
  const what = tensors.length > 0 ? `, which holds the values of ${list(tensors)}` : ''
  return finding(
    'file/checksum',
    file.path,
    `${file.path}: the bytes of ${name} differ from the checksum stored with them${what}`,
    {
      evidence: { record: name, crc32, tensors: tensors.slice(0, 50) },
      repair: 'Take the file from another copy: what changed cannot be told',
    },
  )
}
