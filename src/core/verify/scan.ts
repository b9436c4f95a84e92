import { openFile } from '../bytes/file'
import { joinPath, listFolder, pathKind } from '../bytes/folder'
import type { ByteSource } from '../bytes/source'
import type { GlobalUse, GlobalVerdict } from '../decode/pickle/globals'
import { AssayError } from '../errors'
import { globalsIn } from './scan-file'

interface ScannedFile {
  /** As the user named it; below a folder, the folder's path and the file's own. */
  readonly path: string
  /** The worst of its globals; `unknown` when a file that may hold a pickle could not be read to its end. */
  readonly verdict: GlobalVerdict
  readonly globals: readonly { readonly module: string; readonly name: string; readonly verdict: GlobalVerdict }[]
  readonly error?: string
}

export interface ScanReport {
  readonly files: readonly ScannedFile[]
}

/** Levels of folders that are entered. */
const DEPTH = 64
const RANK: readonly GlobalVerdict[] = ['safe', 'unknown', 'dangerous']

/**
 * What loading the files with `pickle` or `torch.load` would import, file by file; folders with all below them. Every pickle
 * counts: the records of archives, those behind the first, those inside byte strings. Nothing is run. A file that cannot be
 * read is reported as `unknown`. Throws `file/unreadable` for a path that leads nowhere.
 */
export async function scan(paths: readonly string[]): Promise<ScanReport> {
  const files: ScannedFile[] = []
  for (const path of paths) {
    const kind = pathKind(path)
    if (kind === undefined) throw new AssayError('file/unreadable', `There is nothing at ${path}`, { file: path })
    if (kind === 'file') files.push(await scanFile(path))
    else {
      for (const entry of listFolder(path, DEPTH)) {
        const place = joinPath(path, entry.path)
        if (entry.kind === 'file') files.push(await scanFile(place))
        else if (entry.kind === 'folder' && entry.path.split('/').length === DEPTH) {
          files.push(unseen(place, `${place} lies more than ${DEPTH} folders deep and was not entered`))
        } else if (entry.kind === 'other' && isHidden(place)) files.push(unseen(place, `${place} may not be read`))
      }
    }
  }
  return { files }
}

async function scanFile(path: string): Promise<ScannedFile> {
  let source: ByteSource | undefined
  try {
    source = openFile(path)
    const { globals, error } = await globalsIn(source)
    const verdicts: GlobalVerdict[] = globals.map(({ verdict }) => verdict)
    if (error !== undefined) verdicts.push('unknown')
    return { path, verdict: worst(verdicts), globals: globals.map(named), ...(error !== undefined && { error }) }
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    return unseen(path, error.message)
  } finally {
    source?.close()
  }
}

/**
 * Whether there is something that the system refuses to show, or a name that is no UTF-8, under which Node finds nothing. Dead
 * links and devices hold no pickle.
 */
function isHidden(path: string): boolean {
  if (path.includes('\ufffd')) return true
  try {
    return pathKind(path) !== undefined
  } catch (error) {
    if (error instanceof AssayError) return true
    throw error
  }
}

function unseen(path: string, error: string): ScannedFile {
  return { path, verdict: 'unknown', globals: [], error }
}

function named({ module, name, verdict }: GlobalUse): ScannedFile['globals'][number] {
  return { module, name, verdict }
}

function worst(verdicts: readonly GlobalVerdict[]): GlobalVerdict {
  return verdicts.reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a), 'safe')
}
