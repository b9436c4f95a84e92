import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { verify } from '../../../../src/core/verify/verify'
import { goldenPath } from '../../../golden/cases'

let folder = ''
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'assay-test-')), 'model')
  mkdirSync(folder)
  cpSync(join(goldenPath('damaged-healthy-st', 'data'), 'model.safetensors'), join(folder, 'model.safetensors'))
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))

interface Entry {
  readonly shape: readonly [number]
  readonly data_offsets: readonly [number, number]
}

const SHARD = 'model-00001-of-00001.safetensors'

/** The header of model.safetensors changed, and its data, written under another name. */
function write(name: string, change: (header: Record<string, unknown>, data: Uint8Array) => void): void {
  const bytes = readFileSync(join(folder, 'model.safetensors'))
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start))
  const data = bytes.subarray(start)
  change(header, data)
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(join(folder, name), Buffer.concat([length, text, data]))
}

async function told() {
  const checkpoint = await openCheckpoint(folder)
  try {
    const { findings, verdict } = await verify(checkpoint, { kernel: referenceKernel })
    const rules = findings.filter(({ rule }) => /two-saves|missing-tensor/.test(rule))
    return { verdict, rules: rules.map(({ rule, subject }) => `${rule} ${subject}`), count: checkpoint.tensors.length }
  } finally {
    checkpoint.close()
  }
}

describe('weights beside those that loaders take', () => {
  test('with the same values are a copy, and add no tensor', async () => {
    const { count } = await told()
    write(SHARD, () => undefined)
    expect(await told()).toEqual({ verdict: 'partial', rules: [], count })
  })

  test('with other values are another save', async () => {
    write(SHARD, (_, data) => data.fill(1))
    expect((await told()).rules).toEqual(['weights/two-saves model.safetensors'])
  })

  test('tell what the one file lacks, that hides them', async () => {
    write(SHARD, (header) => {
      // No two tensors may share their bytes: one makes room for another.
      const bias = header['fc1.bias'] as Entry
      const [begin, end] = bias.data_offsets
      const middle = begin + (end - begin) / 2
      const half = { ...bias, shape: [bias.shape[0] / 2] }
      header['fc1.bias'] = { ...half, data_offsets: [begin, middle] }
      header['more.weight'] = { ...half, data_offsets: [middle, end] }
    })
    expect(await told()).toMatchObject({ verdict: 'broken', rules: ['weights/missing-tensor more.weight'] })
  })

  test('are of another model where each has what the other lacks, and tell nothing', async () => {
    write(SHARD, (header) => {
      header['other.bias'] = header['fc1.bias']
      delete header['fc1.bias']
    })
    expect((await told()).rules).toEqual([])
  })
})
