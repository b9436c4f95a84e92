import { expect, test } from 'vitest'
import { storageBloat } from '../../../../src/core/verify/rules/storage-bloat'
import { checkpointOf, findingsOf, tensorOf } from '../handmade'

const views = (stored: number, ...lengths: number[]) => {
  const storage = { key: '0', byteLength: stored }
  const tensors = lengths.map((length, i) => ({ ...tensorOf({ name: `v${i}`, shape: [length] }), storage }))
  return { ...checkpointOf({}), tensors }
}

test('a small view over a large storage is told with both sizes', async () => {
  const [found] = await findingsOf(storageBloat, views(4 << 20, 10))
  expect(found).toMatchObject({ subject: 'v0', evidence: { stored: 4 << 20, used: 40 } })
})

test('views that use their storage together are in order', async () => {
  expect(await findingsOf(storageBloat, views(4 << 20, 1 << 19, 1 << 19))).toEqual([])
})

test('little waste is nobody’s concern', async () => {
  expect(await findingsOf(storageBloat, views(1 << 19, 10))).toEqual([])
})
