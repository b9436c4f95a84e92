import { createColors } from 'picocolors'
import type { Io } from './io'
import { withFlags } from './text/flags'
import { safe } from './text/safe'

export interface Failure {
  readonly code: string
  readonly message: string
  readonly file?: string
  readonly offset?: number
  readonly hint?: string
}

/**
 * Any error as JSON shows it: the contract's errors with their code, file, offset and hint; commander's as `usage`; anything
 * else as `internal`, which is a bug.
 */
export function describe(error: unknown): Failure {
  const { message, code, data } = error as { message?: unknown; code?: unknown; data?: Partial<Failure> }
  const text = typeof message === 'string' ? message : String(error)
  if (typeof data?.code === 'string') return { ...data, code: data.code, message: text }
  if (typeof code === 'string' && code.startsWith('commander.')) return { code: 'usage', message: text }
  return { code: 'internal', message: text }
}

/** Tells a person what went wrong and what can be done. */
export function complain(error: unknown, io: Io): void {
  const { message, hint, code } = describe(error)
  const { red, dim } = colors(io, 'stderr')
  io.stderr.write(`${red('assay:')} ${safe(message)} ${dim(`(${code})`)}\n`)
  if (hint) io.stderr.write(`       ${safe(withFlags(hint))}\n`)
  if (code === 'internal' && error instanceof Error && io.env.ASSAY_DEBUG) io.stderr.write(`${error.stack}\n`)
}

/** Whether a command ended because it was interrupted, and of nothing else. */
export function isCancel(error: unknown): boolean {
  return describe(error).code === 'cancelled' || (error instanceof Error && error.name === 'AbortError')
}

/** Tells what was interrupted, and, of a command that writes, that it has changed nothing. */
export function tellCancelled(argv: readonly string[], io: Io): void {
  const command = argv.find((word) => !word.startsWith('-')) ?? 'assay'
  const isInPlace = argv.includes('--in-place') || argv.includes('--undo')
  const kept = isInPlace ? ': every file is as it was before' : WRITERS.has(command) ? ': nothing was written' : ''
  io.stderr.write(`${colors(io, 'stderr').red('assay:')} ${safe(command)} was cancelled${kept}\n`)
}

const WRITERS: ReadonlySet<string> = new Set(['repair', 'export'])

/** Colours for one of the outputs: only where a person looks at it and has not asked for none (no-color.org). */
export function colors(io: Io, output: 'stdout' | 'stderr' = 'stdout') {
  const asked = io.env.FORCE_COLOR !== undefined && io.env.FORCE_COLOR !== '0'
  return createColors(!io.env.NO_COLOR && (asked || (io[output].isTTY === true && io.env.TERM !== 'dumb')))
}

/** A request that cannot be met as it was put. */
export class UsageError extends Error {
  readonly data: { readonly code: 'usage'; readonly hint?: string }
  constructor(message: string, hint?: string) {
    super(message)
    this.data = { code: 'usage', ...(hint && { hint }) }
  }
}
