import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { memorySource } from '../../src/core/bytes/source'
import type { FileKind } from '../../src/core/checkpoint/checkpoint'
import { recognise } from '../../src/core/checkpoint/recognise'

/** A golden file that is mutated, and what is opened then. */
export interface Subject {
  readonly case: string
  /** Relative to the golden folder, forward slashes. */
  readonly file: string
  /** Relative to the golden folder: the file itself, or the checkpoint that it is a part of. */
  readonly target: string
  readonly kind: FileKind
  readonly bytes: Uint8Array
}

/** Files beyond this would make a few inputs a second. */
const LARGEST = 1 << 22

/** Every golden file once (many cases share some), in the order of their names; those of one case where it is named. */
export async function subjectsIn(golden: string, only?: string): Promise<Subject[]> {
  const subjects: Subject[] = []
  const seen = new Set<string>()
  for (const name of readdirSync(golden).sort()) {
    if (only !== undefined && name !== only) continue
    const truth = truthPath(join(golden, name))
    for (const path of truth === undefined ? [] : filesBelow(join(golden, name, 'data'))) {
      if (statSync(path).size > LARGEST) continue
      const bytes = new Uint8Array(readFileSync(path))
      const file = relative(golden, path).split(sep).join('/')
      const target = targetOf(file, `${name}/${truth}`, golden)
      const key = `${createHash('sha256').update(bytes).digest('hex')} ${basename(file)} ${target === file}`
      if (seen.has(key)) continue
      seen.add(key)
      const { kind } = await recognise(memorySource(file, bytes))
      subjects.push({ case: name, file, target, kind, bytes })
    }
  }
  return subjects
}

/** What the case is about, when the file is part of it; or else the folder of the file, when it has neighbours. */
function targetOf(file: string, truth: string, golden: string): string {
  if (file === truth || file.startsWith(`${truth}/`)) return truth
  const folder = file.slice(0, file.lastIndexOf('/'))
  return readdirSync(join(golden, folder)).length > 1 ? folder : file
}

function truthPath(folder: string): string | undefined {
  try {
    const { path } = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8'))
    return path
  } catch {
    return undefined
  }
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}
