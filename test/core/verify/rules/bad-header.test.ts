import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { verify } from '../../../../src/core/verify/verify'
import { golden } from '../../container/golden'

const folder = mkdtempSync(join(tmpdir(), 'assay-header-'))
afterAll(() => rmSync(folder, { recursive: true }))

const LOCAL = Buffer.from('PK\x03\x04', 'latin1')

const healthy = () => Buffer.from(golden('damaged-healthy-zip/data/model.pt').bytes)

/** What is found after these bytes were written over the local header of model/data/2. */
function found(at: number, bytes: readonly number[], deep = false) {
  const zip = healthy()
  zip.set(bytes, zip.lastIndexOf(LOCAL, zip.indexOf('model/data/2')) + at)
  return findingsIn(zip, deep)
}

async function findingsIn(zip: Buffer, deep: boolean) {
  const path = join(folder, 'model.pt')
  writeFileSync(path, zip)
  const checkpoint = await openCheckpoint(path)
  const { findings } = await verify(checkpoint, { kernel: referenceKernel, deep })
  checkpoint.close()
  return findings.filter(({ rule }) => rule.startsWith('file/'))
}

test.each([
  ['without its signature, which torch refuses', 0, [0, 0]],
  ['with another length of its name, by which torch takes values from elsewhere', 26, [0x20, 0]],
  ['with another length of its extra field', 28, [0, 0]],
])('the local header of a storage %s, is found without reading a value', async (_what, at, bytes) => {
  for (const deep of [false, true]) {
    expect(await found(at, bytes, deep)).toMatchObject([
      { rule: 'file/bad-header', severity: 'error', evidence: { record: 'model/data/2', misstated: 'header' } },
    ])
  }
})

test('what torch does not read of a local header is no finding', async () => {
  expect(await found(4, [0xff, 0xff])).toEqual([])
  expect(await found(30, [0x20])).toEqual([])
})

test('a directory that is damaged in its middle was not cut off', async () => {
  const zip = healthy()
  const third = zip.lastIndexOf('model/data/2')
  // The lengths of a name, and of an extra field.
  for (const at of [28, 30]) {
    const damaged = Buffer.from(zip)
    damaged.writeUInt16LE(0x4000, third - 46 + at)
    for (const deep of [false, true]) {
      const all = await findingsIn(damaged, deep)
      expect(all).toMatchObject([{ rule: 'file/bad-header', severity: 'error', evidence: { lost: 0 } }])
      expect(all[0]?.message).toMatch(/directory of the archive is damaged.*; 5 of 5 tensors are whole/)
    }
  }
})
