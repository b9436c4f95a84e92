import { openFile } from '../bytes/file'
import { joinPath, listFolder, obstacleAt, pathKind, realPath } from '../bytes/folder'
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

const RANK: readonly GlobalVerdict[] = ['safe', 'unknown', 'dangerous']

/**
 * What loading the files with `pickle` or `torch.load` would import, file by file; folders with all below them. Every pickle
 * counts: the records of archives, those behind the first, those inside byte strings. Nothing is run. Whatever could not be
 * looked into, a path that leads nowhere among it, is a row of its own, `unknown` with the reason.
 */
export async function scan(paths: readonly string[]): Promise<ScanReport> {
  const files: ScannedFile[] = []
  for (const path of paths) await collect(path, '', files)
  return { files }
}

/** Scans what lies at `relative` below the path that the user named (`''`: that path itself). */
async function collect(root: string, relative: string, files: ScannedFile[]): Promise<void> {
  const place = relative === '' ? root : joinPath(root, relative)
  try {
    const kind = pathKind(place)
    if (kind === 'file') files.push(await scanFile(place))
    else if (kind === undefined) throw obstacleAt(place)
    else if (relative === '' || !isLinked(root, relative)) {
      for (const { path } of listFolder(place, 1)) {
        await collect(root, relative === '' ? path : `${relative}/${path}`, files)
      }
    } else if (!isBelow(realPath(place), realPath(root))) {
      const message = `${place} is a link to ${realPath(place)}, outside of what was scanned`
      files.push(unseen(place, `${message}: scan that folder too`))
    }
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    files.push(unseen(place, error.message))
  }
}

/** Whether the folder is a link: what it leads to is looked at where it lies, or not at all. */
function isLinked(root: string, relative: string): boolean {
  return realPath(joinPath(root, relative)) !== joinPath(realPath(root), relative)
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(joinPath(root, '/'))
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

function unseen(path: string, error: string): ScannedFile {
  return { path, verdict: 'unknown', globals: [], error }
}

function named({ module, name, verdict }: GlobalUse): ScannedFile['globals'][number] {
  return { module, name, verdict }
}

function worst(verdicts: readonly GlobalVerdict[]): GlobalVerdict {
  return verdicts.reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a), 'safe')
}
