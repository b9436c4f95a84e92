import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair, type RepairOptions } from '../../../src/core/repair/apply'
import { golden, planned, scratch, snapshot } from './cases'

/** What the system was asked to do to the disk, in order. */
const asked: string[] = []

vi.mock(import('node:fs/promises'), async (original) => {
  const real = await original()
  const open: typeof real.open = async (...args) => {
    const file = await real.open(...args)
    const sync = file.sync.bind(file)
    const watched: FileHandle['sync'] = () => {
      asked.push(`flush ${args[0]}`)
      return sync()
    }
    return Object.assign(file, { sync: watched })
  }
  const link: typeof real.link = (from, to) => {
    asked.push(`name ${from} ${to}`)
    return real.link(from, to)
  }
  const rename: typeof real.rename = (from, to) => {
    asked.push(`name ${from} ${to}`)
    return real.rename(from, to)
  }
  return { ...real, open, link, rename }
})

const kernel = referenceKernel
const source = golden('flattened/data/checkpoint')

async function repair(path: string, options: Partial<RepairOptions>) {
  const { checkpoint, plan } = await planned(path)
  return applyRepair(checkpoint, plan, { kernel, ...options })
}

function copied(): string {
  const folder = join(scratch(), 'checkpoint')
  cpSync(source, folder, { recursive: true })
  return folder
}

describe('what a power cut may leave', () => {
  it('is a target only after every byte of it is on the disk, and a name that stays', async () => {
    const folder = scratch()
    asked.length = 0
    await repair(source, { out: join(folder, 'mended') })
    const named = asked.filter((line) => line.startsWith('name ') && !line.includes('.assay-lock'))
    for (const line of named.slice(0, -1)) {
      const [, from, to] = line.split(' ') as [string, string, string]
      const at = asked.indexOf(line)
      expect(asked.slice(0, at)).toContain(`flush ${from}`)
      expect(asked.slice(at)).toContain(`flush ${dirname(to)}`)
    }
    expect(named.map((line) => basename(line.split(' ')[2] as string))).toEqual([
      'model.safetensors',
      'config.json',
      'assay-repair.json',
      'mended',
    ])
    expect(asked.at(-2)).toMatch(/^name .*mended$/)
    expect(asked.at(-1)).toBe(`flush ${folder}`)
  })

  it('in place is, at every moment, the old file or the new one under its name, and the old one under another', async () => {
    const folder = copied()
    asked.length = 0
    await repair(folder, { inPlace: true })
    const file = join(folder, 'model.safetensors')
    const swaps = asked.filter((line) => line.endsWith(`${file}.backup`) || line.endsWith(` ${file}`))
    expect(swaps).toEqual([`name ${file} ${file}.backup`, expect.stringMatching(/^name .*model\.safetensors$/)])
    const [, replacement] = (swaps[1] as string).split(' ')
    const written = asked.findIndex((line) => line.endsWith(` ${replacement}`))
    expect(written).toBeLessThan(asked.indexOf(swaps[0] as string))
    expect(
      asked.slice(0, written).some((line) => line.startsWith(`flush ${dirname(replacement as string)}/.assay-`)),
    ).toBe(true)
    expect(asked.slice(asked.indexOf(swaps[1] as string))).toContain(`flush ${folder}`)
  })
})

/** A small disk of its own, if this machine lets us have one. */
function disk(kib: number): string | undefined {
  const folder = scratch()
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'assay', folder]).status !== 0) return undefined
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  return folder
}

describe('a disk', () => {
  it('that is full is told beforehand, and left as it was', async ({ skip }) => {
    const folder = disk(256)
    if (!folder) return skip()
    await expect(repair(source, { out: join(folder, 'mended') })).rejects.toMatchObject({ code: 'target/no-space' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('that has no room at all, not even for the lock, is left as it was', async ({ skip }) => {
    const folder = disk(1024)
    if (!folder) return skip()
    spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'other')}`, 'bs=4k'])
    await expect(repair(source, { out: join(folder, 'mended') })).rejects.toMatchObject({ code: 'target/no-space' })
    expect(readdirSync(folder)).toEqual(['other'])
  })

  it.each(['out', 'in place'])('that fills up while it is written (%s) is left as it was', async (how) => {
    const folder = disk(8192)
    if (!folder) return
    const path = join(folder, 'checkpoint')
    cpSync(source, path, { recursive: true })
    const before = snapshot(path)
    const target = how === 'out' ? { out: join(folder, 'mended') } : { inPlace: true }
    // Another program takes the room that there was when the repair looked.
    const onProgress = (done: number) => {
      if (done > 0 && !existsSync(join(folder, 'other')))
        spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'other')}`, 'bs=4k'])
    }
    const named = join(how === 'out' ? join(folder, 'mended') : path, 'model.safetensors')
    await expect(repair(path, { ...target, onProgress })).rejects.toMatchObject({
      ...{ code: 'target/no-space', file: named, message: `No room left on the disk for ${named}` },
    })
    expect(snapshot(path)).toEqual(before)
    expect(readdirSync(folder).sort()).toEqual(['checkpoint', 'other'])
  })

  it('that has no room for a repair in place is told of the checkpoint', async ({ skip }) => {
    const folder = disk(2048)
    if (!folder) return skip()
    const path = join(folder, 'checkpoint')
    cpSync(source, path, { recursive: true })
    await expect(repair(path, { inPlace: true })).rejects.toMatchObject({ code: 'target/no-space', file: path })
  })

  it('that may not be written to is told by its name', async ({ skip }) => {
    const folder = disk(8192)
    if (!folder) return skip()
    const path = join(folder, 'checkpoint')
    cpSync(source, path, { recursive: true })
    execFileSync('mount', ['-o', 'remount,ro', folder])
    for (const target of [{ out: join(folder, 'mended') }, { inPlace: true }])
      await expect(repair(path, target)).rejects.toMatchObject({
        code: 'target/unwritable',
        message: expect.stringContaining('EROFS'),
      })
    expect(readdirSync(folder)).toEqual(['checkpoint'])
  })
})

it('a source that changes while it is read ends the repair, and nothing is left of it', async () => {
  const path = copied()
  mkdirSync(join(path, 'more'))
  writeFileSync(join(path, 'more', 'notes.txt'), 'x'.repeat(4 << 20))
  const folder = scratch()
  const { checkpoint, plan } = await planned(path)
  let changed = false
  const onProgress = () => {
    if (changed) return
    changed = true
    const file = join(path, 'model.safetensors')
    utimesSync(file, new Date(), new Date(statSync(file).mtimeMs + 5000))
  }
  const repairing = applyRepair(checkpoint, plan, { kernel, out: join(folder, 'mended'), onProgress })
  await expect(repairing).rejects.toMatchObject({ code: 'file/changed' })
  expect(readdirSync(folder)).toEqual([])
})

it.each([
  ['out', 'another file', (file: string) => replace(file, Buffer.from('another save'))],
  ['out', 'a link to another file', (file: string) => linked(file, join(source, 'config.json'))],
  ['in place', 'another file', (file: string) => replace(file, Buffer.from('another save'))],
  ['in place', 'a file of the same size', (file: string) => replace(file, readFileSync(file))],
  ['in place', 'a link to another file', (file: string) => linked(file, join(source, 'config.json'))],
])(
  'a source that is replaced while it is read (%s, by %s) ends the repair, and what took its place is left alone',
  async (how, _, change) => {
    const path = copied()
    const file = join(path, 'model.safetensors')
    const folder = scratch()
    const { checkpoint, plan } = await planned(path)
    // Digests, and without the room of the repair itself.
    const state = () =>
      [...snapshot(path)].filter(([name]) => !name.startsWith('.')).map(([name, text]) => [name, sha(text)])
    let before: string[][] | undefined
    const onProgress = () => {
      if (before) return
      change(file)
      before = state()
    }
    const target = how === 'out' ? { out: join(folder, 'mended') } : { inPlace: true }
    const repairing = applyRepair(checkpoint, plan, { kernel, onProgress, ...target })
    await expect(repairing).rejects.toMatchObject({ code: expect.stringMatching(/^file\/(changed|truncated)$/) })
    expect(state()).toEqual(before)
    expect(readdirSync(path).filter((name) => name.startsWith('.'))).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  },
)

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function replace(file: string, bytes: Uint8Array): void {
  writeFileSync(`${file}.new`, bytes)
  renameSync(`${file}.new`, file)
}

function linked(file: string, target: string): void {
  unlinkSync(file)
  symlinkSync(target, file)
}

it('a repair that is killed, whenever that is, leaves originals and targets whole', ({ skip }) => {
  const script = fileURLToPath(new URL('../../../scripts/kill-repair.mjs', import.meta.url))
  const command = fileURLToPath(new URL('../../../out/cli/assay.cjs', import.meta.url))
  if (!existsSync(command)) return skip()
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--times', '12', '--mib', '4'], {
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout).kills).toBe(12)
}, 180_000)
