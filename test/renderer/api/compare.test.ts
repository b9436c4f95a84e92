import { describe, expect, it } from 'vitest'
import { compare, type DiffReport, differenceOf } from '../../../src/renderer/api/compare'
import { localApi } from '../fixture/local'

const RUN = '/data/runs/tiny-gpt2'

async function opened() {
  const { api } = localApi()
  const closed: string[] = []
  const close = async (input: { id: string }) => {
    closed.push(input.id)
    return api.client.close(input)
  }
  const client = new Proxy(api.client, { get: (all, name) => (name === 'close' ? close : Reflect.get(all, name)) })
  const left = await client.open({ path: `${RUN}/checkpoint-30` })
  if (left.kind !== 'checkpoint') throw new Error('a checkpoint was asked for')
  return { client, closed, id: left.id }
}

describe('comparing', () => {
  it('opens the other side, reports, and closes it again', async () => {
    const { client, closed, id } = await opened()
    const events = []
    const sides = { id, path: `${RUN}/checkpoint-10`, swapped: false }
    for await (const event of compare(client, sides, new AbortController().signal)) events.push(event)
    expect(events.at(-1)).toMatchObject({
      type: 'result',
      result: { a: `${RUN}/checkpoint-30`, b: `${RUN}/checkpoint-10` },
    })
    expect(closed).toEqual([expect.stringMatching(/-2$/)])
  })

  it('shows rows before all are there, and at the end each of them once', async () => {
    const { client, id } = await opened()
    const sides = { id, path: `${RUN}/checkpoint-10`, swapped: false }
    let early: DiffReport | undefined
    let last: DiffReport | undefined
    for await (const event of compare(client, sides, new AbortController().signal)) {
      if (event.type === 'result') last = event.result
      else if (event.partial) early ??= { ...event.partial, tensors: [...event.partial.tensors] }
    }
    expect(early?.tensors.length).toBeGreaterThan(0)
    expect(early?.tensors.length).toBeLessThan(last?.tensors.length ?? 0)
    expect(early?.tensors).toEqual(last?.tensors.slice(0, early?.tensors.length))
    const { same, changed, onlyA, onlyB, shape, dtype } = early?.summary ?? {}
    expect([same, changed, onlyA, onlyB, shape, dtype].reduce((sum, n) => (sum ?? 0) + (n ?? 0), 0)).toBe(
      early?.tensors.length,
    )
  })

  it('measures one tensor of the pair, and closes the other side again', async () => {
    const { client, closed, id } = await opened()
    const sides = { id, path: `${RUN}/checkpoint-10`, swapped: false }
    const row = { name: 'transformer.wte.weight' }
    const { histogram } = await differenceOf(client, sides, row, new AbortController().signal)
    expect(histogram?.counts.length).toBeGreaterThan(0)
    expect(closed).toEqual([expect.stringMatching(/-2$/)])
  })

  it('puts the open one on the right when sides are swapped', async () => {
    const { client, id } = await opened()
    const sides = { id, path: `${RUN}/checkpoint-10`, swapped: true }
    let last: unknown
    for await (const event of compare(client, sides, new AbortController().signal)) last = event
    expect(last).toMatchObject({ result: { a: `${RUN}/checkpoint-10`, b: `${RUN}/checkpoint-30` } })
  })

  it('closes the other side when it is stopped on the way', async () => {
    const { client, closed, id } = await opened()
    const sides = { id, path: `${RUN}/checkpoint-10`, swapped: false }
    for await (const _event of compare(client, sides, new AbortController().signal)) break
    expect(closed).toEqual([expect.stringMatching(/-2$/)])
  })

  it('asks for one checkpoint when given a whole run', async () => {
    const { client, id } = await opened()
    const events = compare(client, { id, path: RUN, swapped: false }, new AbortController().signal)
    await expect(events.next()).rejects.toThrow('choose one of them')
  })
})
