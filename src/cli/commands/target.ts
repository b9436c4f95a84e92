import { statSync } from 'node:fs'
import { UsageError } from '../complaint'

/** What a file of a checkpoint is called; the core makes a folder of any other target. */
const FILE_NAME = /\.(safetensors|bin|pt|pth|ckpt)$/i

/**
 * Throws UsageError where the repair of a single file could go into a file or into a folder and `out` tells neither: no ending of
 * a file, no slash, no folder that is there. `place` is the absolute path of `out`.
 */
export function refuseUnclear(source: string, out: string, place: string): void {
  if (kindOf(source) !== 'file' || kindOf(place) === 'folder') return
  const [isFile, isFolder] = [FILE_NAME.test(place), /[\\/]$/.test(out)]
  if (isFile !== isFolder) return
  const bare = out.replace(/[\\/]+$/, '')
  throw new UsageError(
    `${out} may be meant as a file or as a folder`,
    isFile
      ? `Leave the slash out for a file, or make the folder ${bare} first.`
      : `Write ${bare}/ for a folder, or end the name of a file like that of the one that is repaired.`,
  )
}

/** What a path leads to; undefined also where the system refuses, which is told by whoever opens it. */
function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file'
  } catch {
    return undefined
  }
}
