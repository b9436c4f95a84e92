import { expect, it } from 'vitest'
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
