import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { cacheFolder, keepCode, keptCode } from '../../src/cli/code-cache'
import { scratchFolders } from '../core/bytes/scratch'

const scratch = scratchFolders()
const code = Buffer.from('what V8 left behind')
const KEY = 'app-1.cjs diff v20.20.2 x64'

function kept(): string {
  const path = join(scratch(), 'assay', 'diff')
  keepCode(path, KEY, code)
  return path
}

describe('compiled code', () => {
  it('is kept where only this user may write, with nothing beside it', () => {
    const path = kept()
    expect(keptCode(path, KEY)).toEqual({ code, isOld: false })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(path, '..'))).toEqual(['diff'])
  })

  it('is not taken by another program, Node or machine', () => {
    expect(keptCode(kept(), 'app-2.cjs diff v20.20.2 x64')).toBeUndefined()
  })

  it('is not taken in part, nor with a byte that is another', () => {
    const path = kept()
    const whole = readFileSync(path)
    for (const length of [0, 1, 4, 5, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length))
      expect(keptCode(path, KEY)).toBeUndefined()
    }
    for (const at of [0, whole.length - 1]) {
      const other = Buffer.from(whole)
      other[at] = (other[at] as number) ^ 1
      writeFileSync(path, other)
      expect(keptCode(path, KEY)).toBeUndefined()
    }
    writeFileSync(path, whole)
    expect(keptCode(path, KEY)).toBeDefined()
  })

  it.each([0o620, 0o602, 0o666])('is not taken from a file of mode %o', (mode) => {
    const path = kept()
    chmodSync(path, mode)
    expect(keptCode(path, KEY)).toBeUndefined()
  })

  it('is made anew after a day, and where its time is of the future', () => {
    const path = kept()
    const now = Date.now() / 1000
    for (const time of [now - 25 * 3600, now + 25 * 3600]) {
      utimesSync(path, time, time)
      expect(keptCode(path, KEY)).toEqual({ code, isOld: true })
    }
  })

  it('is done without where it cannot be kept or read', () => {
    const folder = scratch()
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'folder'))
    for (const path of [join(folder, 'file', 'diff'), join(folder, 'folder')]) {
      keepCode(path, KEY, code)
      expect(keptCode(path, KEY)).toBeUndefined()
    }
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder'])
  })

  it('is not written through a link that somebody put in its way', () => {
    const folder = scratch()
    const weights = join(folder, 'weights')
    writeFileSync(weights, 'sacred')
    symlinkSync(weights, join(folder, `diff.${process.pid}`))
    keepCode(join(folder, 'diff'), KEY, code)
    expect(readFileSync(weights, 'utf8')).toBe('sacred')
    expect(readdirSync(folder)).toEqual(['weights'])
  })
})

describe.skipIf(process.platform === 'win32')('the folder of compiled code', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('is where the user has caches kept, by a path from the root only', () => {
    const home = scratch()
    vi.stubEnv('HOME', home)
    expect(cacheFolder({ XDG_CACHE_HOME: '/caches' })).toBe('/caches/assay')
    expect(cacheFolder({ XDG_CACHE_HOME: 'caches' })).toBe(cacheFolder({}))
    expect(cacheFolder({})?.startsWith(home)).toBe(true)
  })

  it.each(['/no/such/home', `/${'long'.repeat(100)}`, ''])('is nowhere where there is no home: %s', (home) => {
    vi.stubEnv('HOME', home)
    expect(cacheFolder({ XDG_CACHE_HOME: '/caches' })).toBeUndefined()
  })
})
