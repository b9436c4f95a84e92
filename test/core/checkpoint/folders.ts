import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A new folder of the given name, with files of the given contents. A content `{ from }` is copied. */
export function makeFolder(name: string, files: Record<string, string | { from: string }>): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'assay-folder-')), name)
  mkdirSync(folder)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    if (typeof content === 'string') writeFileSync(join(folder, path), content)
    else copyFileSync(content.from, join(folder, path))
  }
  return folder
}

/** The files of a folder as `makeFolder` takes them, without some. */
export function filesOf(folder: string, without: readonly string[] = []): Record<string, { from: string }> {
  const names = readdirSync(folder).filter((name) => !without.includes(name))
  return Object.fromEntries(names.map((name) => [name, { from: join(folder, name) }]))
}
