import { openFile } from '../bytes/file'
import { joinPath, parentOf, pathKind } from '../bytes/folder'
import type { Checkpoint, FileKind, StateFile } from '../checkpoint/checkpoint'
import { openZip, type ZipArchive, type ZipEntry } from '../container/zip'
import { AssayError } from '../errors'

const ZIPS: ReadonlySet<FileKind> = new Set<FileKind>([
  'torch-zip',
  'torch-package',
  'torch-export',
  'state-archive',
  'npz',
])

/** A file of a checkpoint that is a zip, open until the next one is asked for. */
export interface OpenArchive {
  readonly file: StateFile
  readonly archive: ZipArchive
}

/**
 * The zips of a checkpoint whose directory can be followed, one open at a time: of those that are torn or would burst, no record says
 * anything new, and of one that cannot be opened opening the checkpoint has told.
 */
export async function* archivesOf({ files, path }: Checkpoint): AsyncGenerator<OpenArchive> {
  for (const file of files) {
    const broken = file.findings.some(({ rule }) => rule === 'file/truncated' || rule === 'file/resource-bomb')
    if (!ZIPS.has(file.kind) || broken) continue
    const at = joinPath(pathKind(path) === 'file' ? parentOf(path) : path, file.path)
    const archive = await openArchive(at, file.path).catch((error: unknown) => {
      // Opening the checkpoint has told why it cannot be read.
      if (!(error instanceof AssayError)) throw error
    })
    if (!archive) continue
    try {
      if (!archive.torn) yield { file, archive }
    } finally {
      archive.source.close()
    }
  }
}

async function openArchive(path: string, name: string): Promise<ZipArchive> {
  const source = openFile(path, name)
  try {
    return await openZip(source)
  } catch (error) {
    source.close()
    throw error
  }
}

/** Whether opening the file has told of the record. */
export function isTold({ findings }: StateFile, { name }: ZipEntry): boolean {
  return findings.some(({ evidence }) => evidence?.record === name)
}
