import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Subject } from './subjects'

/** A copy of golden cases in memory where there is a file system for that, made of links but for the file under test. */
export class Stage {
  private readonly root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'assay-fuzz-'))

  constructor(private readonly golden: string) {}

  /** Puts bytes in the place of the subject's file while `look` looks at what the subject would open. */
  async show<Result>(subject: Subject, bytes: Uint8Array, look: (path: string) => Promise<Result>): Promise<Result> {
    this.link(subject.case)
    const place = join(this.root, subject.file)
    unlinkSync(place)
    writeFileSync(place, bytes)
    try {
      return await look(join(this.root, subject.target))
    } finally {
      unlinkSync(place)
      symlinkSync(join(this.golden, subject.file), place)
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  private link(name: string): void {
    if (existsSync(join(this.root, name))) return
    const walk = (folder: string) => {
      mkdirSync(join(this.root, folder), { recursive: true })
      for (const entry of readdirSync(join(this.golden, folder), { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) walk(path)
        else symlinkSync(join(this.golden, path), join(this.root, path))
      }
    }
    walk(join(name, 'data'))
  }
}

/** Copies what the subject opens into a folder, its file changed, so that it outlives the golden files. Returns what to open. */
export function keepCase(folder: string, golden: string, { file, target }: Subject, bytes: Uint8Array): string {
  const base = target === file ? dirname(file) : target
  cpSync(join(golden, base), folder, { recursive: true })
  writeFileSync(join(folder, file.slice(base.length + 1)), bytes)
  return join(folder, target.slice(base.length + 1))
}
