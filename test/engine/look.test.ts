import { expect, it } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { looksOf } from '../../src/engine/look'
import { goldenPath } from '../golden/cases'
import { connect } from './connect'

it('a tensor is shown with its exponents, and with a picture of means and of extremes', async () => {
  const { client, close } = connect()
  const opened = await client.hold({ path: goldenPath('trainer-gpt2') })
  if (opened.kind === 'run') throw new Error('trainer-gpt2 is one checkpoint')
  const { rows } = await client.tensors({ id: opened.id, offset: 0, limit: 1000 })
  const { index } = rows.find(({ name }) => name === 'transformer.h.0.mlp.c_fc.weight') ?? { index: -1 }
  const { statistics, picture } = await client.tensor({ id: opened.id, index })
  const { positive = [], negative = [] } = statistics.exponents ?? {}
  expect([...positive, ...negative].reduce((sum, count) => sum + count, 0)).toBe(32 * 128)
  expect(picture).toMatchObject({ width: 96, height: 32 })
  expect(picture?.extremes?.length).toBe(picture?.values.length)
  expect(picture?.extremes).not.toEqual(picture?.values)
  close()
})

it('tensors that are looked at together are counted in the same bins, from the lowest value of all to the highest', async () => {
  const valuesOf = (...values: number[]) => ({
    dtype: 'float32' as const,
    shape: [values.length],
    blocks: async function* () {
      yield new Uint8Array(new Float32Array(values).buffer)
    },
  })
  const [before, after, empty] = await looksOf(referenceKernel, [
    valuesOf(Number.NaN, 0, 1),
    valuesOf(-2, 0, 0, 2),
    valuesOf(Number.NaN),
  ])
  for (const look of [before, after]) expect(look?.histogram).toMatchObject({ min: -2, max: 2 })
  const places = (counts: number[] = []) => counts.flatMap((count, bin) => (count > 0 ? [[bin, count]] : []))
  expect(places(before?.histogram?.counts)).toEqual([
    [32, 1],
    [48, 1],
  ])
  expect(places(after?.histogram?.counts)).toEqual([
    [0, 1],
    [32, 2],
    [63, 1],
  ])
  expect(empty?.histogram).toBeNull()
})
