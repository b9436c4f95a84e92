import { expect, it } from 'vitest'
import { sha256 } from '../../../src/core/bytes/sha256'

it('gives the digest of pieces as of the whole (FIPS 180-2, appendix B.1)', () => {
  const digest = sha256()
  digest.update(new TextEncoder().encode('a'))
  digest.update(new TextEncoder().encode('bc'))
  expect(digest.hex()).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
