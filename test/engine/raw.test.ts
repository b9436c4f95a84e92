import { expect, test } from 'vitest'
import { localEngine } from '../../src/engine/local'
import { goldenPath } from '../golden/cases'

async function opened(name: string) {
  const { client, close } = localEngine()
  const result = await client.open({ path: goldenPath(name) })
  if (result.kind !== 'checkpoint') throw new Error('This is a run')
  return { client, id: result.id, close }
}

test('every pickle of an archive has its own tree', async () => {
  const { client, id, close } = await opened('torch-zoo-state-archive')
  const pickles = await client.pickles({ id })
  expect(pickles.map(({ file }) => file)).toEqual([
    'agent.zip/pytorch_variables.pth',
    'agent.zip/policy.pth',
    'agent.zip/policy.optimizer.pth',
  ])
  const { children } = await client.raw({ id, file: 'agent.zip/policy.optimizer.pth', path: [], offset: 0, limit: 9 })
  expect(children.map(({ key }) => key)).toEqual(['state', 'param_groups'])
  close()
})

test('and so has every object of a stream', async () => {
  const { client, id, close } = await opened('torch-zoo-stream')
  const [, , last] = await client.pickles({ id })
  const { children } = await client.raw({ id, file: last?.file ?? '', path: [], offset: 0, limit: 9 })
  expect(children).toMatchObject([{ key: 'w', kind: 'tensor' }])
  close()
})

test('a pickle that cannot be decoded is listed with the reason', async () => {
  const { client, id, close } = await opened('hostile-stack-underflow')
  const [only, ...others] = await client.pickles({ id })
  expect(others).toEqual([])
  expect(only).toMatchObject({ refusals: [], admit: null, error: expect.stringMatching(/stack/) })
  await expect(client.raw({ id, file: only?.file ?? '', path: [], offset: 0, limit: 9 })).rejects.toThrow(/stack/)
  close()
})

test('an opcode that torch does not know is told, and no allow-list is offered for it or for a script', async () => {
  const four = await opened('torch-zoo-protocol4')
  expect(await four.client.pickles({ id: four.id })).toMatchObject([{ refusedOpcode: 'FRAME', admit: null }])
  four.close()
  const script = await opened('torch-zoo-traced')
  const [pickle] = await script.client.pickles({ id: script.id })
  expect(pickle?.admit).toBeNull()
  expect(pickle?.refusals.length).toBeGreaterThan(0)
  script.close()
})

test('code inside an archive is read page by page', async () => {
  const { client, id, close } = await opened('torch-zoo-traced')
  const [code] = (await client.texts({ id })).filter(({ path }) => path.endsWith('__torch__.py'))
  if (!code) throw new Error('There is no code')
  const at = { id, file: code.file, path: code.path }
  const first = await client.text({ ...at, offset: 0, limit: 40 })
  const rest = await client.text({ ...at, offset: 40, limit: 100_000 })
  expect(first.text).toHaveLength(40)
  expect(first.total).toBe(40 + rest.text.length)
  expect(first.text + rest.text).toContain('def forward(self')
  await expect(client.text({ ...at, path: '../secret', offset: 0, limit: 1 })).rejects.toThrow(/no text/)
  close()
})
