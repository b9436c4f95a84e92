import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { baseName, listFolder, parentOf, pathKind, resolveInside } from '../../../src/core/bytes/folder'
import { scratchFolders } from './scratch'

const scratch = scratchFolders()

function tree(paths: string[]): string {
  const root = scratch()
  for (const path of paths) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), 'abc')
  }
  return root
}

describe('listing a folder', () => {
  it('gives paths with slashes, sizes and dot files, numbers in their natural order', () => {
    const root = tree(['rank10.bin', 'rank2.bin', '.metadata', 'checkpoint-9/a', 'checkpoint-10/a'])
    const entries = listFolder(root)
    expect(entries.map(({ path }) => path)).toEqual([
      '.metadata',
      'checkpoint-9',
      'checkpoint-9/a',
      'checkpoint-10',
      'checkpoint-10/a',
      'rank2.bin',
      'rank10.bin',
    ])
    expect(entries[0]).toMatchObject({ size: 3, kind: 'file' })
    expect(entries[1]).toMatchObject({ size: 0, kind: 'folder' })
    expect(Math.abs((entries[0]?.modified ?? 0) - Date.now())).toBeLessThan(3_600_000)
  })

  it('goes as deep as it is told', () => {
    const root = tree(['a/b/c/d'])
    expect(listFolder(root, 1).map(({ path }) => path)).toEqual(['a'])
    expect(listFolder(root, 2).map(({ path }) => path)).toEqual(['a', 'a/b'])
    expect(listFolder(root).map(({ path }) => path)).toEqual(['a', 'a/b', 'a/b/c'])
  })

  it('follows links to files, enters no linked folder, and tells dead links apart', () => {
    const root = tree(['blobs/x', 'checkpoint/a'])
    symlinkSync(join(root, 'blobs/x'), join(root, 'model.safetensors'))
    symlinkSync(root, join(root, 'checkpoint/circle'))
    symlinkSync(join(root, 'nowhere'), join(root, 'dead'))
    const entries = listFolder(root, 9)
    expect(entries.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'folder blobs',
      'file blobs/x',
      'folder checkpoint',
      'file checkpoint/a',
      'folder checkpoint/circle',
      'other dead',
      'file model.safetensors',
    ])
  })

  it('finds nothing at names that no file can have', () => {
    const root = tree(['file'])
    symlinkSync('circle', join(root, 'circle'))
    for (const name of ['x'.repeat(10_000), 'a\0b', 'circle', 'file/inside'])
      expect(pathKind(join(root, name)), name).toBeUndefined()
  })

  it('refuses what is no folder', () => {
    const root = tree(['file'])
    expect(() => listFolder(join(root, 'none'))).toThrow(expect.objectContaining({ code: 'file/unreadable' }))
    expect(() => listFolder(join(root, 'file'))).toThrow(expect.objectContaining({ code: 'file/unreadable' }))
  })
})

it('tells files from folders and from nothing', () => {
  const root = tree(['file'])
  expect(pathKind(root)).toBe('folder')
  expect(pathKind(join(root, 'file'))).toBe('file')
  expect(pathKind(join(root, 'none'))).toBeUndefined()
  expect(pathKind(join(root, 'file/below'))).toBeUndefined()
  expect(pathKind('/dev/null')).toBeUndefined()
})

it('names a folder and its parent whatever slashes stand at its end', () => {
  expect(baseName('/runs/checkpoint-10/')).toBe('checkpoint-10')
  expect(parentOf('/runs/checkpoint-10/')).toBe('/runs')
})

describe('a name found in a file', () => {
  it('leads to a place inside the checkpoint', () => {
    expect(resolveInside('/runs/a', 'model-00001.safetensors')).toBe('/runs/a/model-00001.safetensors')
    expect(resolveInside('/runs/a', './sub//b/../c.bin')).toBe('/runs/a/sub/c.bin')
    expect(resolveInside('/runs/a', '..model')).toBe('/runs/a/..model')
  })

  it.each([
    '../../etc/passwd',
    'a/../../b',
    '..',
    '/etc/passwd',
    '..\\secret',
    'a\\..\\..\\b',
    '\\\\host\\share',
    'C:\\x',
    'c:x',
    'a\0b',
  ])('is refused when it points outside: %j', (name) => {
    expect(() => resolveInside('/runs/a', name)).toThrow(expect.objectContaining({ code: 'file/path-escape' }))
  })
})
