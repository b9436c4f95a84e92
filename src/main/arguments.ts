import { resolve } from 'node:path'

/**
 * The paths among a process's arguments, absolute. Switches are Chromium's or Electron's; the app's own folder stands first when
 * it was started as `electron FOLDER`.
 */
export function pathsIn(argv: readonly string[], startedByFolder: boolean, from: string): string[] {
  const plain = argv.slice(1).filter((argument) => argument !== '' && !argument.startsWith('-'))
  return plain.slice(startedByFolder ? 1 : 0).map((path) => resolve(from, path))
}
