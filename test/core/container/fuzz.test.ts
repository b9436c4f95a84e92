import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ByteSource, memorySource } from '../../../src/core/bytes/source'
import { readSafetensors } from '../../../src/core/container/safetensors'
import { checkCrc, openZip } from '../../../src/core/container/zip'
import { AssayError } from '../../../src/core/errors'
import { golden } from './golden'
import { concat, makeZip } from './make-zip'

/** Some of what happens to files, and what is done to them: flipped bits, cuts, spliced parts, numbers that lie. */
type Damage = (bytes: Uint8Array) => Uint8Array

/** Places near the start and the end, where the headers are, more often than in between. */
const place = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.001, 0.99, 0.999, 1))
const lies = fc.constantFrom(0, 1, 7, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff)

const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(([where, bit]): Damage => {
    return (bytes) => {
      const at = index(bytes, where)
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << bit)
      return bytes
    }
  }),
  place.map(
    (where): Damage =>
      (bytes) =>
        bytes.subarray(0, index(bytes, where)),
  ),
  fc.tuple(place, lies).map(([where, lie]): Damage => {
    return (bytes) => {
      const at = Math.min(index(bytes, where), bytes.length - 4)
      if (at >= 0) new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, lie, true)
      return bytes
    }
  }),
  fc.tuple(place, place, place).map(([from, to, where]): Damage => {
    return (bytes) => {
      const [a, b, c] = [index(bytes, from), index(bytes, to), index(bytes, where)]
      return concat([bytes.subarray(0, c), bytes.subarray(Math.min(a, b), Math.max(a, b)), bytes.subarray(c)])
    }
  }),
)

function index(bytes: Uint8Array, where: number): number {
  return Math.round(bytes.length * where)
}

/** The result, or undefined where an AssayError says what is wrong. Anything else is a bug, and so is a read beyond the end. */
async function attempt<T>(source: ByteSource, work: (source: ByteSource) => Promise<T>): Promise<T | undefined> {
  const guarded: ByteSource = {
    ...source,
    read(offset, target) {
      expect(offset + target.byteLength).toBeLessThanOrEqual(source.size)
      return source.read(offset, target)
    },
  }
  try {
    return await work(guarded)
  } catch (error) {
    expect(error).toBeInstanceOf(AssayError)
    return undefined
  }
}

function damaged(sound: Uint8Array): fc.Arbitrary<ByteSource> {
  return fc.array(damages, { minLength: 1, maxLength: 3 }).map((list) =>
    memorySource(
      'x',
      list.reduce<Uint8Array>((bytes, damage) => damage(bytes), sound.slice()),
    ),
  )
}

describe('whatever happens to a file', () => {
  it('a safetensors header gives tensors that make sense, or an error that does', async () => {
    const sound = golden('damaged-healthy-st/data/model.safetensors').bytes.slice(0, 2000)
    await fc.assert(
      fc.asyncProperty(damaged(sound), async (source) => {
        const file = await attempt(source, readSafetensors)
        for (const { begin, end, shape } of file?.entries ?? []) {
          expect(begin).toBeGreaterThanOrEqual(0)
          expect(end).toBeGreaterThanOrEqual(begin)
          expect(shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)).toBe(true)
        }
      }),
      { numRuns: 600 },
    )
  })

  it('a damaged safetensors header is never called sound unless its tensors still fill the file', async () => {
    const sound = golden('damaged-healthy-st/data/model.safetensors').bytes
    const header = sound.slice(0, 8 + 408)
    await fc.assert(
      fc.asyncProperty(damaged(header), async (source) => {
        const head = new Uint8Array(source.size)
        await source.read(0, head)
        const file = await attempt(memorySource('x', concat([head, sound.subarray(416)])), readSafetensors)
        if (!file || file.findings.length > 0) return
        const covered = file.entries.reduce((sum, { begin, end }) => sum + end - begin, 0)
        expect(file.dataOffset + covered).toBe(head.length + sound.length - 416)
      }),
      { numRuns: 300 },
    )
  })

  const members = [
    { name: 'a/data.pkl', data: new Uint8Array(100).fill(1), descriptor: true },
    { name: 'a/data/0', data: new Uint8Array(300).fill(2), descriptor: true },
    { name: 'a/code', data: new Uint8Array(2000).fill(3), deflate: true },
    { name: 'a/version', data: new Uint8Array([51, 10]) },
  ]
  it.each([
    ['as torch writes it', makeZip(members, { zip64: true })],
    ['as others write it', makeZip(members, { comment: 'abc' })],
    ['without its directory', makeZip(members).slice(0, 700)],
  ])('a zip %s gives records that can be read, or an error that makes sense', async (_, sound) => {
    await fc.assert(
      fc.asyncProperty(damaged(sound), async (source) => {
        const archive = await attempt(source, openZip)
        expect(archive?.torn?.offset ?? 0).toBeLessThanOrEqual(source.size)
        if (!archive) return
        for (const entry of archive.entries) await attempt(source, () => checkCrc(archive, entry))
      }),
      { numRuns: 300 },
    )
  })
})
