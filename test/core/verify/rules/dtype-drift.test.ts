import { expect, test } from 'vitest'
import type { OptimizerState } from '../../../../src/core/checkpoint/checkpoint'
import type { DType } from '../../../../src/core/checkpoint/dtype'
import { dtypeDrift } from '../../../../src/core/verify/rules/dtype-drift'
import { checkpointOf, findingsOf, tensorOf } from '../handmade'

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

test('weights that are narrower than config and moments were rounded', async () => {
  const moments = (dtype: DType) => {
    const optimizer: OptimizerState = {
      file: 'optimizer.pt',
      groups: [{ params: [0], hyper: {} }],
      parameters: [
        { key: 0, tensors: { exp_avg: tensorOf({ name: 'state.0.exp_avg', shape: [4], dtype }) }, scalars: {} },
      ],
    }
    const tensors = [{ name: 'w', shape: [4], dtype: 'float16' as const }]
    return checkpointOf({ config: { dtype: 'float32' }, tensors, state: { optimizers: [optimizer] } })
  }
  const [rounded] = await findingsOf(dtypeDrift, moments('float32'))
  expect(rounded).toMatchObject({ severity: 'warning', evidence: { moments: 'float32' } })
  expect(rounded?.message).toContain('were rounded')
  expect(await findingsOf(dtypeDrift, moments('float16'))).toMatchObject([{ severity: 'info' }])
})

test('weights without fractions are told where the config says that they have some', async () => {
  const whole = (name: string, config: object, more: DType[] = []) =>
    findingsOf(
      dtypeDrift,
      checkpointOf({
        config: { dtype: 'float32', ...config },
        tensors: [{ name, shape: [4], dtype: 'int32' }, ...more.map((dtype) => ({ name: 'b', shape: [4], dtype }))],
      }),
    )
  expect(await whole('a.weight', {})).toMatchObject([{ severity: 'warning', evidence: { got: 'int32' } }])
  expect(await whole('a.weight', { quantization_config: { bits: 4 } })).toEqual([])
  expect(await whole('a.weight', {}, ['float32'])).toEqual([])
  expect(await whole('position_ids', {})).toEqual([])
})
