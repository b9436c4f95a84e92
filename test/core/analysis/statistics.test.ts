import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Statistics } from '../../../src/core/analysis/kernel'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { simdKernel } from '../../../src/core/analysis/simd/kernel'
import { statisticsOf } from '../../../src/core/analysis/statistics'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { byteLength, numel } from '../../../src/core/checkpoint/tensor'
import { sha256Of } from '../../../src/core/checkpoint/values'

interface Truth {
  readonly path: string
  readonly tensors: readonly {
    readonly name: string
    readonly dtype: string
    readonly shape: readonly number[]
    readonly sha256: string
    readonly zeros: number
    readonly nan: number
    readonly inf: number
    readonly [measure: string]: unknown
  }[]
}

const CASES = [
  'trainer-gpt2',
  'trainer-lora',
  'accelerate-plain',
  'accelerate-plain-bin',
  'accelerate-ddp2',
  'seed-style',
  'flattened',
  'flattened-whisper',
  'sharded',
  'zero-size',
  'rank-shard',
  'damaged-st-nonfinite',
  'damaged-healthy-zip',
  'torch-zoo-dtypes',
  'torch-zoo-views',
  'torch-zoo-quantized',
  'torch-zoo-tied',
  'torch-zoo-bloat',
  'torch-zoo-parameters',
]

const golden = (path: string) => fileURLToPath(new URL(`../../golden/${path}`, import.meta.url))

function agree(found: Statistics, expected: Truth['tensors'][number], closely: number): void {
  expect(found, expected.name).toMatchObject({
    count: numel(expected.shape),
    zeros: expected.zeros,
    nan: expected.nan,
    inf: expected.inf,
  })
  for (const measure of ['min', 'max', 'mean', 'std', 'l2'] as const) {
    const wanted = expected[measure]
    if (typeof wanted !== 'number') expect(found[measure], `${expected.name} ${measure}`).toBeNull()
    else {
      const apart = Math.abs((found[measure] ?? NaN) - wanted)
      expect(apart, `${expected.name} ${measure}`).toBeLessThanOrEqual(closely * Math.abs(wanted))
    }
  }
}

describe('statistics of what the real libraries wrote', () => {
  it.each(CASES)('agree with NumPy and torch, and so do the bytes: %s', async (name) => {
    const truth = JSON.parse(readFileSync(golden(`${name}/truth.json`), 'utf8')) as Truth
    const checkpoint = await openCheckpoint(golden(`${name}/${truth.path}`))
    for (const expected of truth.tensors) {
      const digests = new Map<string, (typeof checkpoint.tensors)[number]>()
      for (const tensor of checkpoint.tensors) {
        // the truth calls the second of Accelerate's two models `critic`; its file, model_1, has no such word
        if ([tensor.name, `critic.${tensor.name}`].includes(expected.name)) digests.set(await sha256Of(tensor), tensor)
      }
      const tensor = digests.get(expected.sha256)
      if (!tensor) throw new Error(`${expected.name}: digests ${[...digests.keys()]}, expected ${expected.sha256}`)
      let bytes = 0
      const found = await statisticsOf(tensor, referenceKernel, {
        onBytes: (n) => {
          bytes += n
        },
      })
      expect(bytes, expected.name).toBe(byteLength(tensor))
      agree(found, expected, 1e-12)
      agree(await statisticsOf(tensor, simdKernel), expected, 1e-9)
    }
    checkpoint.close()
  })
})
