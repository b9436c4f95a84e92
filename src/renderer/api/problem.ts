import { ORPCError } from '@orpc/client'
import { EngineStopped } from './connection'

/** An error as people read it: what is wrong, what can be done, and the detail for a report. */
export interface Problem {
  readonly title: string
  readonly hint?: string
  readonly code: string
  readonly file?: string
  readonly offset?: number
}

interface FailureData {
  code?: unknown
  file?: unknown
  offset?: unknown
  hint?: unknown
}

/** A job that ended without its result: for the reason given, or because the user has cancelled it. */
export class JobFailed extends Error {
  constructor(readonly problem: Problem | undefined) {
    super(problem?.title ?? 'Cancelled')
    this.name = problem ? 'JobFailed' : 'AbortError'
  }
}

/** Cancelling is what the user asked for, not an error. */
export function isCancelled(error: unknown): boolean {
  if (error instanceof ORPCError) return codeOf(error) === 'cancelled'
  return error instanceof Error && error.name === 'AbortError'
}

/** Any thrown value as a Problem. */
export function problemOf(error: unknown): Problem {
  if (error instanceof JobFailed && error.problem) return error.problem
  if (error instanceof EngineStopped) {
    return {
      title: 'The engine stopped while it was working',
      hint: 'It has been started again. Try once more; if it stops again, a file may have changed while it was read.',
      code: 'engine/stopped',
    }
  }
  if (error instanceof ORPCError) {
    const data = failureData(error)
    return {
      title: error.message,
      code: codeOf(error),
      ...(typeof data.hint === 'string' && { hint: data.hint }),
      ...(typeof data.file === 'string' && { file: data.file }),
      ...(typeof data.offset === 'number' && { offset: data.offset }),
    }
  }
  return { title: error instanceof Error ? error.message : String(error), code: 'internal' }
}

/** The whole problem as text, for the clipboard. */
export function reportOf(problem: Problem, versions: Readonly<Record<string, string>>): string {
  const lines = [
    problem.title,
    problem.hint,
    `code: ${problem.code}`,
    problem.file === undefined ? undefined : `file: ${problem.file}`,
    problem.offset === undefined ? undefined : `offset: ${problem.offset}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ]
  return lines.filter(Boolean).join('\n')
}

function failureData(error: ORPCError<string, unknown>): FailureData {
  return typeof error.data === 'object' && error.data !== null ? error.data : {}
}

/** The contract's one declared error carries AssayError's code in its data. */
function codeOf(error: ORPCError<string, unknown>): string {
  const { code } = failureData(error)
  return typeof code === 'string' ? code : error.code
}
