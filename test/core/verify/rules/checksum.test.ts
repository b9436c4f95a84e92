import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { verify } from '../../../../src/core/verify/verify'
import { type Member, makeZip } from '../../container/make-zip'

const folder = mkdtempSync(join(tmpdir(), 'assay-checksum-'))
afterAll(() => rmSync(folder, { recursive: true }))

const pickle = Uint8Array.from([0x80, 2, 0x7d, 0x2e])
const data = (more: Partial<Member> = {}): Member => ({ name: 'a/data/0', data: new Uint8Array(64).fill(7), ...more })

/** `changed`: a byte of the last record is another than was written. */
async function found(members: Member[], changed = false) {
  const path = join(folder, 'model.pt')
  const zip = makeZip([{ name: 'a/data.pkl', data: pickle }, ...members])
  if (changed) zip[zip.lastIndexOf(7)] = 8
  writeFileSync(path, zip)
  const checkpoint = await openCheckpoint(path)
  const { findings } = await verify(checkpoint, { kernel: referenceKernel, deep: true })
  checkpoint.close()
  return findings.filter(({ rule }) => rule.startsWith('file/'))
}

test('an archive that cannot be opened at all has no checksums to compare', async () => {
  const path = join(folder, 'cut.pt')
  // An end record alone: 18 entries in 1161 bytes at 3896.
  writeFileSync(path, Buffer.from('504b0506000000001200120089040000380f00000000', 'hex'))
  const checkpoint = await openCheckpoint(path)
  const { findings } = await verify(checkpoint, { kernel: referenceKernel, deep: true })
  checkpoint.close()
  expect(findings.map(({ rule }) => rule)).toContain('file/bad-header')
})

describe('a record', () => {
  test('whose bytes are those of its checksum is in order', async () => {
    expect(await found([data()])).toEqual([])
  })

  test('that changed is told by its name', async () => {
    const [finding] = await found([data()], true)
    expect(finding).toMatchObject({ rule: 'file/checksum', evidence: { record: 'a/data/0' } })
  })

  test('whose bytes match the checksum beside them, and not that of the directory, is whole', async () => {
    const [finding] = await found([data({ lie: { crc32: 1 } })])
    expect(finding).toMatchObject({ rule: 'file/bad-header', severity: 'warning', evidence: { record: 'a/data/0' } })
  })

  test('without its local header is a finding, and those behind it are still read', async () => {
    const findings = await found([data({ lie: { offset: 3 } }), data({ name: 'a/data/1' })], true)
    expect(findings.map(({ rule }) => rule)).toEqual(['file/bad-header', 'file/checksum'])
  })

  test('is one of fifty that are told where all are damaged', async () => {
    const many = Array.from({ length: 200 }, (_, i) => data({ name: `a/data/${i}`, lie: { crc32: 1 } }))
    expect(await found(many)).toHaveLength(50)
  })
})
