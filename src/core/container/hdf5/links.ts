import { type Fields, textOf } from './fields'
import { FractalHeap } from './fractal-heap'
import type { Metadata } from './metadata'
import { MESSAGE, type Message } from './object-header'
import { recordsOf } from './tree2'

/** A name in a group: of an object of the file, or of something elsewhere, which is never looked for. */
export type Link =
  | { readonly name: string; readonly address: number }
  | { readonly name: string; readonly elsewhere: 'soft' | 'external' | 'user-defined' }

/**
 * The links of a group: those of a symbol table (B-tree of version 1, local heap, symbol nodes), those kept as messages, and those
 * of a fractal heap behind a B-tree of version 2 (HDF5 File Format Specification 3.0, III.A-D, III.G and IV.A.2). Throws
 * AssayError as `Metadata`.
 */
export async function readLinks(metadata: Metadata, messages: readonly Message[]): Promise<Link[]> {
  const links: Link[] = []
  for (const { type, body } of messages) {
    if (type === MESSAGE.link) links.push(readLink(body))
    else if (type === MESSAGE.linkInfo) {
      body.skip(1)
      body.skip(body.u8() & 1 ? 8 : 0)
      for (const link of await denseObjects(metadata, body, HASH)) links.push(readLink(link))
    } else if (type === MESSAGE.symbolTable) {
      const tree = body.address()
      const heap = body.address()
      if (tree === undefined || heap === undefined) return body.fail('a group has no symbol table')
      links.push(...(await readSymbols(metadata, tree, await readHeap(metadata, heap))))
    }
  }
  return links
}

/** Bytes in front of the heap id in a record of links by name. */
const HASH = 4

/**
 * The objects of a fractal heap that a B-tree of version 2 lists: `info` has the addresses of both next, each record the id of an
 * object behind `before` bytes. In the order of the tree, that is of their names' hashes.
 */
export async function denseObjects(metadata: Metadata, info: Fields, before: number): Promise<Fields[]> {
  const heapAt = info.address()
  const tree = info.address()
  if (heapAt === undefined || tree === undefined) return []
  const heap = await FractalHeap.open(metadata, heapAt)
  const objects: Fields[] = []
  for await (const record of recordsOf(metadata, tree)) {
    record.skip(before)
    objects.push(await heap.object(record))
  }
  return objects
}

function readLink(body: Fields): Link {
  body.skip(1)
  const flags = body.u8()
  const kind = flags & 8 ? body.u8() : 0
  body.skip((flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0))
  const name = textOf(body.take(body.uint(1 << (flags & 3))))
  if (kind !== 0) return { name, elsewhere: kind === 1 ? 'soft' : kind === 64 ? 'external' : 'user-defined' }
  const address = body.address()
  return address === undefined ? body.fail('a link leads nowhere') : { name, address }
}

/** The names in a local heap, each with a zero at its end. */
async function readHeap(metadata: Metadata, address: number): Promise<Uint8Array> {
  const { widths } = metadata
  const head = await metadata.at(address, 8 + 2 * widths.length + widths.address)
  if (!head.is('HEAP')) head.fail('there is no heap of names where one should be')
  head.skip(4)
  const size = head.length()
  head.length()
  const segment = head.address()
  return segment === undefined ? new Uint8Array() : (await metadata.at(segment, size)).bytes
}

async function readSymbols(metadata: Metadata, root: number, heap: Uint8Array): Promise<Link[]> {
  const links: Link[] = []
  const { widths } = metadata
  const width = 2 * widths.address + 24
  for await (const { child } of leavesOf(metadata, root, 0, widths.length)) {
    metadata.enter('symbol node', child)
    const head = await metadata.at(child, 8)
    if (!head.is('SNOD')) head.fail('there is no symbol node where one should be')
    head.skip(2)
    const entries = await metadata.at(child + 8, head.u16() * width)
    while (entries.left >= width) {
      const entry = entries.part(width)
      const at = entry.uint(widths.address)
      const address = entry.address()
      // Cached symbolic links, the only other kind, have no object header.
      const soft = entry.u32() === 2
      if (at >= heap.length) entry.fail('a name lies outside of its heap')
      const name = textOf(heap.subarray(at, at + LONGEST_NAME))
      if (soft) links.push({ name, elsewhere: 'soft' })
      else if (address !== undefined) links.push({ name, address })
    }
  }
  return links
}

/** Longer names are cut: they are of no writer. */
const LONGEST_NAME = 1 << 10

/** Levels of a B-tree. Four of them hold a billion entries. */
const TALLEST = 16

/**
 * The entries of a B-tree of version 1 from left to right: the key in front of each and the address it leads to. `type` is 0 for
 * groups, 1 for chunks; `keyBytes` is the width of a key. Throws AssayError as `Metadata`.
 */
export async function* leavesOf(
  metadata: Metadata,
  root: number,
  type: number,
  keyBytes: number,
): AsyncGenerator<{ readonly key: Fields; readonly child: number }> {
  const { widths } = metadata
  const stack = [{ address: root, level: TALLEST }]
  for (let node = stack.pop(); node; node = stack.pop()) {
    metadata.enter('tree node', node.address)
    const head = await metadata.at(node.address, 8 + 2 * widths.address)
    if (!head.is('TREE')) head.fail('there is no tree node where one should be')
    if (head.u8() !== type) head.fail('a tree node is of another kind than its tree')
    const level = head.u8()
    // Levels fall towards the leaves.
    if (level >= node.level) head.fail(`a tree node of level ${level} lies below one of level ${node.level}`)
    const count = head.u16()
    const pairs = await metadata.at(
      head.begin - metadata.base + 8 + 2 * widths.address,
      count * (keyBytes + widths.address),
    )
    const below: { address: number; level: number }[] = []
    while (pairs.left > 0) {
      const key = pairs.part(keyBytes)
      const child = pairs.address()
      if (child === undefined) continue
      if (level === 0) yield { key, child }
      else below.push({ address: child, level })
    }
    stack.push(...below.reverse())
  }
}
