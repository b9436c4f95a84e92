import { expect, test } from 'vitest'
import type { DType } from '../../../../src/core/checkpoint/dtype'
import { dtypeDrift } from '../../../../src/core/verify/rules/dtype-drift'
import { checkpointOf, findingsOf } from '../handmade'

const drift = (config: Record<string, string>, ...dtypes: DType[]) =>
  findingsOf(
    dtypeDrift,
    checkpointOf({ config, tensors: dtypes.map((dtype, i) => ({ name: `w${i}`, shape: [4], dtype })) }),
  )

test('weights in another dtype than the config says are told', async () => {
  expect(await drift({ torch_dtype: 'bfloat16' }, 'float32')).toMatchObject([
    { severity: 'info', evidence: { expected: 'bfloat16', got: 'float32' } },
  ])
  expect(await drift({ dtype: 'torch.float16' }, 'float32')).toHaveLength(1)
})

test('weights of which some have the dtype are mixed by intent', async () => {
  expect(await drift({ dtype: 'bfloat16' }, 'float32', 'bfloat16')).toEqual([])
  expect(await drift({ dtype: 'float32' }, 'float32', 'int64')).toEqual([])
  expect(await drift({}, 'float32')).toEqual([])
})
