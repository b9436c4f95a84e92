import type { Fields } from './fields'
import type { Metadata } from './metadata'

/** Signature, version and type in front of a node's records, and the checksum behind them. */
const NODE_HEAD = 6
const NODE_BYTES = NODE_HEAD + 4
/** Levels of a tree. Four of them hold a billion records. */
const TALLEST = 16

/**
 * The records of a B-tree of version 2, node by node (HDF5 File Format Specification 3.0, III.A.2; widths of counts as HDF5 1.14,
 * H5B2hdr.c). Throws AssayError as `Metadata`.
 */
export async function* recordsOf(metadata: Metadata, address: number): AsyncGenerator<Fields> {
  const { widths } = metadata
  const head = await metadata.at(address, 22 + widths.address + widths.length)
  if (!head.is('BTHD')) head.fail('there is no tree of version 2 where one should be')
  head.skip(2)
  const nodeBytes = head.u32()
  const recordBytes = head.u16()
  const depth = head.u16()
  head.skip(2)
  const root = head.address()
  const count = head.u16()
  if (depth > TALLEST || recordBytes === 0 || nodeBytes <= NODE_BYTES)
    head.fail('a tree of version 2 has impossible sizes')
  if (root === undefined) return
  const most = Math.floor((nodeBytes - NODE_BYTES) / recordBytes)
  const countBytes = bytesFor(most)
  // Bytes of the count of all records in and below a node, for each level; none for leaves, whose count tells it.
  const totalBytes = [0]
  for (let level = 1, total = most; level < depth; level++) {
    const pointer = widths.address + countBytes + (totalBytes[level - 1] as number)
    const own = Math.max(Math.floor((nodeBytes - NODE_BYTES - pointer) / (recordBytes + pointer)), 0)
    total = (own + 1) * total + own
    totalBytes.push(bytesFor(total))
  }
  const stack = [{ at: root, level: depth, count }]
  for (let node = stack.pop(); node; node = stack.pop()) {
    metadata.enter('tree node', node.at)
    const { level } = node
    const pointer = level === 0 ? 0 : widths.address + countBytes + (totalBytes[level - 1] as number)
    const fields = await metadata.at(node.at, NODE_HEAD + node.count * (recordBytes + pointer) + pointer)
    if (!fields.is(level === 0 ? 'BTLF' : 'BTIN')) fields.fail('there is no node of a tree where one should be')
    fields.skip(2)
    for (let i = 0; i < node.count; i++) yield fields.part(recordBytes)
    while (fields.left > 0) {
      const child = fields.part(pointer)
      const at = child.address()
      if (at !== undefined) stack.push({ at, level: level - 1, count: child.uint(countBytes) })
    }
  }
}

/** Bytes that numbers up to `limit` need. */
export function bytesFor(limit: number): number {
  return Math.floor(Math.log2(Math.max(limit, 1)) / 8) + 1
}
