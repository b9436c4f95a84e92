import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { crc32 } from 'node:zlib'

/** Other work needs other functions: what is kept is made anew after this long, in milliseconds. */
const GOOD_FOR = 24 * 3600 * 1000
const CHECKSUM_BYTES = 4

/**
 * Where programs keep what can be made again, by each system's custom (XDG Base Directory Specification, which has relative paths
 * ignored). Undefined, never an error, where this user has no home of their own.
 */
export function cacheFolder(env: NodeJS.ProcessEnv): string | undefined {
  const home = ownHome()
  if (home === undefined) return undefined
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, 'assay')
  if (process.platform === 'win32') return env.LOCALAPPDATA && join(env.LOCALAPPDATA, 'assay')
  return process.platform === 'darwin' ? join(home, 'Library', 'Caches', 'assay') : join(home, '.cache', 'assay')
}

function ownHome(): string | undefined {
  try {
    const home = homedir()
    // Under sudo the home may be another's, who could not replace what root leaves there.
    return statSync(home).uid === uid() ? home : undefined
  } catch {
    // A container may run as a user whom its system does not know.
    return undefined
  }
}

/**
 * The compiled code kept at `path`, whole and as it was kept under `key`. Compiled code does what it likes once it is run: it is taken
 * only from a file of this user that nobody else may write to. Undefined, never an error, where there is none.
 */
export function keptCode(path: string, key: string): { code: Buffer; isOld: boolean } | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const { uid: owner, mode, mtimeMs } = fstatSync(fd)
    if (owner !== uid() || (process.platform !== 'win32' && mode & 0o022)) return undefined
    const bytes = readFileSync(fd)
    const end = bytes.length - CHECKSUM_BYTES
    const code = bytes.subarray(0, end)
    if (end <= 0 || bytes.readUInt32LE(end) !== crc32(code, crc32(key))) return undefined
    return { code, isOld: !(Math.abs(Date.now() - mtimeMs) < GOOD_FOR) }
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Keeps compiled code for `keptCode`, whole or not at all. What cannot be kept (a full disk, a read-only home) is done without. */
export function keepCode(path: string, key: string, code: Buffer): void {
  const made = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const sum = Buffer.alloc(CHECKSUM_BYTES)
    sum.writeUInt32LE(crc32(code, crc32(key)))
    // A link that somebody left there is not written through.
    writeFileSync(made, Buffer.concat([code, sum]), { mode: 0o600, flag: 'wx' })
    renameSync(made, path)
  } catch {
    removed(made)
  }
}

function removed(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It was never there.
  }
}

/** On Windows nobody: there a profile is closed to others. */
function uid(): number {
  return process.getuid?.() ?? 0
}
