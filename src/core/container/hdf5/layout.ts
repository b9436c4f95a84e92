import type { Fields } from './fields'

/** Where the values of a dataset are. Offsets count from the beginning of the file. */
export type Layout =
  | { readonly kind: 'plain'; readonly offset: number; readonly byteLength: number }
  | { readonly kind: 'chunked'; readonly chunk: readonly number[]; readonly tree: number }
  /** One chunk, which is the whole dataset. `byteLength` is set when it went through filters, all but those in `mask`. */
  | {
      readonly kind: 'single'
      readonly chunk: readonly number[]
      readonly address: number
      readonly byteLength?: number
      readonly mask: number
    }
  | { readonly kind: 'absent' }
  /** In a form that is not read, in words. */
  | { readonly kind: 'unread'; readonly what: string }

const ABSENT: Layout = { kind: 'absent' }

/** Indexes of chunks in version 4, by their number. */
const INDEXES: readonly string[] = [
  '',
  '',
  'without an index',
  'in a fixed array',
  'in an extensible array',
  'in a B-tree of version 2',
]

/**
 * Reads a data layout message, versions 3 to 5 (HDF5 File Format Specification 3.0, IV.A.2.i; version 5 of HDF5 2.0 has the fields of
 * version 4). `base` is the byte offset that
 * addresses count from. Throws AssayError `file/bad-header`.
 */
export function readLayout(fields: Fields, base: number): Layout {
  const version = fields.u8()
  if (version < 3) return { kind: 'unread', what: 'in a layout from before HDF5 1.6.3' }
  if (version > 5) return { kind: 'unread', what: `in a layout of version ${version}` }
  const kind = fields.u8()
  if (kind === 0) {
    const byteLength = fields.u16()
    const { offset } = fields
    fields.skip(byteLength)
    return { kind: 'plain', offset, byteLength }
  }
  if (kind === 1) {
    const address = fields.address()
    const byteLength = fields.length()
    return address === undefined ? ABSENT : { kind: 'plain', offset: base + address, byteLength }
  }
  if (kind === 3) return { kind: 'unread', what: 'in other datasets (a virtual dataset)' }
  if (kind !== 2) return fields.fail(`a layout of class ${kind} is unknown`)
  return version === 3 ? readChunked3(fields) : readChunked4(fields)
}

/** The extents of a chunk; the one listed behind them is the size of an element. */
function readChunked3(fields: Fields): Layout {
  const rank = fields.u8() - 1
  const tree = fields.address()
  if (rank < 1) fields.fail('chunks have no dimensions')
  const chunk = Array.from({ length: rank }, () => fields.u32())
  return tree === undefined ? ABSENT : { kind: 'chunked', chunk, tree }
}

function readChunked4(fields: Fields): Layout {
  const flags = fields.u8()
  const rank = fields.u8() - 1
  const width = fields.u8()
  if (rank < 1 || width > 8) fields.fail('chunks have no dimensions')
  const chunk = Array.from({ length: rank }, () => fields.uint(width))
  fields.skip(width)
  const index = fields.u8()
  if (index !== 1) return { kind: 'unread', what: `in chunks ${INDEXES[index] ?? 'of an unknown index'}` }
  const filtered = (flags & 2) !== 0
  const byteLength = filtered ? fields.length() : undefined
  const mask = filtered ? fields.u32() : 0
  const address = fields.address()
  return address === undefined
    ? ABSENT
    : { kind: 'single', chunk, address, mask, ...(byteLength !== undefined && { byteLength }) }
}
