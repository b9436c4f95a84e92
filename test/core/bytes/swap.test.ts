import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { swapBack, swapIn } from '../../../src/core/bytes/swap'
import { scratch } from '../repair/cases'

function folderWith(files: Record<string, string>): string {
  const folder = scratch()
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(files.map(({ name }) => [name, readFileSync(join(folder, name), 'utf8')]))
}

describe('swapping files in', () => {
  it('keeps the old ones as .backup, and can put them back', async () => {
    const folder = folderWith({ a: 'old a', 'new-a': 'new a', 'new-b': 'new b' })
    const swap = await swapIn([
      { file: join(folder, 'a'), replacement: join(folder, 'new-a') },
      { file: join(folder, 'b'), replacement: join(folder, 'new-b') },
    ])
    expect(contents(folder)).toEqual({ a: 'new a', 'a.backup': 'old a', b: 'new b' })
    await swap.undo()
    expect(contents(folder)).toEqual({ a: 'old a', 'new-a': 'new a', 'new-b': 'new b' })
  })

  it('undoes what it did when a later file cannot be swapped', async () => {
    const folder = folderWith({ a: 'old a', b: 'old b', 'new-a': 'new a' })
    const swapping = swapIn([
      { file: join(folder, 'a'), replacement: join(folder, 'new-a') },
      { file: join(folder, 'b'), replacement: join(folder, 'is-not-there') },
    ])
    await expect(swapping).rejects.toMatchObject({ code: 'target/unwritable' })
    expect(contents(folder)).toEqual({ a: 'old a', b: 'old b', 'new-a': 'new a' })
  })

  it('touches nothing when a backup is in the way', async () => {
    const files = { a: 'old a', b: 'old b', 'b.backup': 'older', 'new-a': 'new a', 'new-b': 'new b' }
    const folder = folderWith(files)
    const swapping = swapIn([
      { file: join(folder, 'a'), replacement: join(folder, 'new-a') },
      { file: join(folder, 'b'), replacement: join(folder, 'new-b') },
    ])
    await expect(swapping).rejects.toMatchObject({ code: 'target/exists' })
    expect(contents(folder)).toEqual(files)
  })
})

describe('swapping originals back', () => {
  function swapped(): { folder: string; room: string } {
    const folder = folderWith({
      a: 'new a',
      'a.backup': 'old a',
      b: 'new b',
      c: 'old c',
      d: 'new d',
      'd.backup': 'old d',
    })
    linkSync(join(folder, 'c'), join(folder, 'c.backup'))
    const room = join(folder, 'room')
    mkdirSync(room)
    return { folder, room }
  }

  it('puts backups back, drops those that are the file itself, and takes away what was added', async () => {
    const { folder, room } = swapped()
    await swapBack(
      [
        { file: join(folder, 'a'), original: 'backup' },
        { file: join(folder, 'b'), original: 'none' },
        { file: join(folder, 'c'), original: 'link' },
        { file: join(folder, 'd'), original: 'backup' },
      ],
      room,
    )
    expect(contents(folder)).toEqual({ a: 'old a', c: 'old c', d: 'old d' })
    expect(contents(room)).toEqual({ 0: 'new a', 1: 'new b', 3: 'new d' })
  })

  it('leaves everything as it was when one of them cannot be put back', async () => {
    const { folder, room } = swapped()
    const before = contents(folder)
    const back = swapBack(
      [
        { file: join(folder, 'a'), original: 'backup' },
        { file: join(folder, 'b'), original: 'none' },
        { file: join(folder, 'c'), original: 'link' },
        { file: join(folder, 'is-not-there'), original: 'backup' },
      ],
      room,
    )
    await expect(back).rejects.toMatchObject({ code: 'target/unwritable' })
    expect(contents(folder)).toEqual(before)
  })
})
