import { ORPCError } from '@orpc/server'
import { AssayError } from '../core/errors'

/**
 * Any error as it crosses the contract: an AssayError with its code, file, offset and hint; an abort as `cancelled`; anything
 * else is a bug, which is told as one and printed with its stack.
 */
export function failureOf(error: unknown): Error {
  if (error instanceof ORPCError) return error
  if (error instanceof AssayError) {
    const { code, message, file, offset, hint } = error
    return new ORPCError('ASSAY', {
      defined: true,
      message,
      data: {
        code,
        ...(file !== undefined && { file }),
        ...(offset !== undefined && { offset }),
        ...(hint && { hint }),
      },
      cause: error,
    })
  }
  if (error instanceof Error && error.name === 'AbortError') return failureOf(new AssayError('cancelled', 'Cancelled'))
  console.error(error)
  const message = `This should not happen: ${error instanceof Error ? error.message : String(error)}`
  return new ORPCError('INTERNAL_SERVER_ERROR', { message, cause: error })
}
