import { afterEach, expect, it } from 'vitest'
import { opened } from '../../src/contract/contract'
import { type Client, localEngine } from '../../src/engine/local'
import { goldenPath } from '../golden/cases'

const engines: { close(): void }[] = []
afterEach(() => {
  for (const engine of engines.splice(0)) engine.close()
})

function face(): Client {
  const engine = localEngine()
  engines.push(engine)
  return engine.client
}

const root = goldenPath('trainer-gpt2').replace(/\/checkpoint-\d+$/, '')

it('tells the names of a run at once, then a row for each checkpoint, the newest first, then what they tell together', async () => {
  const client = face()
  const events = []
  for await (const event of await client.run({ path: root })) events.push(event)
  expect(events.map(({ type }) => type)).toEqual(['listed', 'row', 'row', 'row', 'result'])
  const whole = opened.parse(await client.open({ path: root }))
  if (whole.kind !== 'run') throw new Error('It is no run')
  const { kind: _, path, name, checkpoints, ...facts } = whole
  expect(events[0]).toEqual({
    type: 'listed',
    path,
    name,
    checkpoints: checkpoints.map((row) => ({ path: row.path, name: row.name, step: row.step })),
  })
  expect(events.slice(1, 4)).toEqual(checkpoints.toReversed().map((row) => ({ type: 'row', row })))
  const { path: _path, name: _name, ...history } = await historyAt(client, root)
  expect(events[4]).toEqual({ type: 'result', result: facts, history })
})

it('refuses to stream one checkpoint as a run', async () => {
  const drained = async () => {
    for await (const _ of await face().run({ path: goldenPath('trainer-gpt2') }));
  }
  await expect(drained()).rejects.toMatchObject({ data: { code: 'not-a-run' } })
})

it('stops reading a run when the stream is dropped', async () => {
  for await (const event of await face().run({ path: root })) if (event.type === 'row') break
  expect((await face().open({ path: root })).kind).toBe('run')
})

async function historyAt(client: Client, path: string) {
  const { runs } = await client.histories({ path })
  const [only, ...others] = runs
  if (!only || others.length > 0) throw new Error('It is not one run')
  return only
}

it('gives the history of a path as of an open checkpoint', async () => {
  const client = face()
  const found = await client.open({ path: goldenPath('trainer-gpt2') })
  if (found.kind !== 'checkpoint') throw new Error('It is a run')
  const { path, name } = found
  expect(await historyAt(client, path)).toEqual({ path, name, ...(await client.history({ id: found.id })) })
  expect((await historyAt(client, root)).loss).toHaveLength(30)
})
