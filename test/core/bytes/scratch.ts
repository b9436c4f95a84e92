import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

/** A function that makes an empty folder, removed after the test that asked for it. */
export function scratchFolders(): () => string {
  const made: string[] = []
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-test-'))
    made.push(folder)
    return folder
  }
}

/** Bytes that repeat only after 16 MiB, so that a wrong offset shows. */
export function pattern(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 2654435761)
  return new Uint8Array(words.buffer, 0, length)
}

/** The file that a sink in this folder writes to. */
export function partialIn(folder: string): string {
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.partial')) as string)
}

/** Turns one byte of a file into another. */
export function damage(path: string, offset: number): void {
  const file = openSync(path, 'r+')
  const byte = new Uint8Array(1)
  readSync(file, byte, 0, 1, offset)
  writeSync(
    file,
    byte.map((value) => value ^ 0xff),
    0,
    1,
    offset,
  )
  closeSync(file)
}
