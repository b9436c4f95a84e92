import { constants, inflateRawSync } from 'node:zlib'
import { AssayError } from '../errors'
import { errnoOf } from './system-error'

/**
 * Inflates raw DEFLATE data (method 8 of a zip entry). Throws AssayError `file/resource-bomb` as soon as the result exceeds
 * `limit` bytes, `file/truncated` when the data ends early, `file/bad-header` when it is no DEFLATE data. `name` is for messages.
 */
export function inflateRaw(bytes: Uint8Array, limit: number, name = 'deflated data'): Uint8Array {
  try {
    const inflated = inflateRawSync(bytes, { maxOutputLength: Math.max(limit, 1) })
    if (inflated.byteLength <= limit) return inflated
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'Z_BUF_ERROR') {
      throw new AssayError('file/truncated', `${name}: the compressed data ends early`, { file: name, cause: error })
    }
    if (code !== 'ERR_BUFFER_TOO_LARGE') {
      throw new AssayError('file/bad-header', `${name}: the compressed data is damaged`, { file: name, cause: error })
    }
  }
  throw new AssayError('file/resource-bomb', `${name}: inflates to more than the ${limit} bytes expected`, {
    file: name,
  })
}

/**
 * What the beginning of raw DEFLATE data inflates to: the data may end anywhere. DEFLATE makes at most 1032 bytes of one, so
 * the result is as bounded as `bytes`. Throws `file/bad-header` when it is no DEFLATE data.
 */
export function inflateStart(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch (error) {
    throw new AssayError('file/bad-header', `${name}: the compressed data is damaged`, { file: name, cause: error })
  }
}
