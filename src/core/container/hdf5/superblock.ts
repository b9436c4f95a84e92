import { type ByteSource, readBytes } from '../../bytes/source'
import { AssayError } from '../../errors'
import { Fields } from './fields'
import { Metadata } from './metadata'

export const HDF5_SIGNATURE: readonly number[] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

/** Where the superblock may be: at the beginning, or behind a user block of 512 bytes or a doubling of it. */
export const HDF5_PLACES: readonly number[] = [0, 512, 1024, 2048]

const LONGEST = 128

export interface Superblock {
  readonly metadata: Metadata
  /** Address of the root group's object header. */
  readonly root: number
  /** Bytes that the file had when it was closed, user block included. */
  readonly end: number
}

/**
 * Reads the superblock (HDF5 File Format Specification 3.0, II.A; versions 0 to 3). The base address is where the signature is,
 * as the library takes it when bytes were put in front of a file. Throws AssayError `file/bad-header`, `file/truncated`.
 */
export async function readSuperblock(source: ByteSource): Promise<Superblock> {
  const { name, size } = source
  const base = await signatureAt(source)
  const bytes = await readBytes(source, base, Math.min(LONGEST, size - base))
  const start = new Fields(bytes, base, { address: 8, length: 8 }, name)
  start.skip(8)
  const version = start.u8()
  if (version > 3) start.fail(`the superblock has version ${version}; versions 0 to 3 are known`)
  if (version < 2) start.skip(4)
  const widths = { address: start.u8(), length: start.u8() }
  if (![2, 4, 8].includes(widths.address) || ![2, 4, 8].includes(widths.length)) {
    start.fail(`addresses of ${widths.address} bytes and lengths of ${widths.length} are unknown`)
  }
  const metadata = new Metadata(source, base, widths)
  const rest = new Fields(bytes.subarray(start.offset - base), start.offset, widths, name)
  // Versions 0 and 1: reserved, two or three sizes of tree nodes, consistency flags. From 2 on: consistency flags alone.
  rest.skip(version === 0 ? 9 : version === 1 ? 13 : 1)
  const told = rest.address() ?? 0
  rest.address()
  const end = rest.address() ?? 0
  if (version < 2) {
    rest.address()
    rest.address()
  }
  const root = rest.address()
  if (root === undefined) return rest.fail('there is no root group')
  // The end counts from the beginning of the file as its writer knew it, where the base was at `told`.
  return { metadata, root, end: end - told + base }
}

async function signatureAt(source: ByteSource): Promise<number> {
  for (const at of HDF5_PLACES) {
    if (at + LONGEST > source.size && at > 0) break
    const bytes = await readBytes(source, at, Math.min(8, source.size - at))
    if (HDF5_SIGNATURE.every((byte, i) => bytes[i] === byte)) return at
  }
  throw new AssayError('file/bad-header', `${source.name} has no HDF5 signature`, { file: source.name, offset: 0 })
}
