import { app } from 'electron'
import { load, save } from './store'

const KEPT = 10

/** Paths opened before, newest first. */
export function recentPaths(): string[] {
  const kept = load('recent')
  return Array.isArray(kept) ? kept.filter((path): path is string => typeof path === 'string').slice(0, KEPT) : []
}

export function rememberRecent(path: string): void {
  save('recent', [path, ...recentPaths().filter((other) => other !== path)].slice(0, KEPT))
  app.addRecentDocument(path)
}

export function forgetRecent(): void {
  save('recent', [])
  app.clearRecentDocuments()
}
