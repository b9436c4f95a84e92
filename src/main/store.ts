import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { app } from 'electron'

/** What the app remembers between runs under `name`, or undefined when there is nothing that can be read. */
export function load(name: string): unknown {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8'))
  } catch {
    // Nothing remembered yet, or a file half written by a machine that went down: start afresh.
    return undefined
  }
}

/** Remembers `value` under `name`. A disk that refuses costs a remembered window size, never the work at hand. */
export function save(name: string, value: unknown): void {
  try {
    mkdirSync(app.getPath('userData'), { recursive: true })
    writeFileSync(`${fileOf(name)}.new`, JSON.stringify(value))
    renameSync(`${fileOf(name)}.new`, fileOf(name))
  } catch (error) {
    console.error(`could not remember ${name}:`, error)
  }
}

function fileOf(name: string): string {
  return join(app.getPath('userData'), `${name}.json`)
}
