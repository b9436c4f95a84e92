import { describe, expect, test } from 'vitest'
import { localEngine } from '../../src/engine/local'
import { goldenPath } from '../golden/cases'

async function opened(name: string) {
  const { client, close } = localEngine()
  const result = await client.open({ path: goldenPath(name) })
  if (result.kind !== 'checkpoint') throw new Error('This is a run')
  const state = await client.state({ id: result.id })
  const { rows } = await client.tensors({ id: result.id, offset: 0, limit: 1000 })
  close()
  return { optimizer: state.optimizers[0], rows }
}

describe('the optimizer of a checkpoint', () => {
  test('is told parameter by parameter, with the tensors kept for each', async () => {
    const { optimizer, rows } = await opened('trainer-gpt2')
    expect(optimizer).toMatchObject({ kind: 'AdamW', naming: { how: 'order', sure: true } })
    expect(optimizer?.states).toHaveLength(28)
    const [first] = optimizer?.states ?? []
    expect(first).toMatchObject({ key: 0, name: 'transformer.wte.weight', group: 0 })
    const slots = first?.tensors.map(({ slot, index }) => [slot, rows[index]?.name])
    expect(slots).toContainEqual(['exp_avg', 'state.0.exp_avg'])
    expect(optimizer?.states[10]?.group).toBe(1)
  })

  test('gives its tensors the names of their parameters', async () => {
    const { rows } = await opened('trainer-gpt2')
    const labels = new Map(rows.map(({ name, label }) => [name, label]))
    expect(labels.get('state.0.exp_avg')).toBe('transformer.wte.weight · exp_avg')
    expect(labels.get('transformer.wte.weight')).toBeUndefined()
  })

  test('lists parameters without a state as well: frozen ones and those that were never used', async () => {
    const { optimizer } = await opened('optimizer-zoo-sgd-plain')
    expect(optimizer).toMatchObject({ kind: 'SGD', parameters: 0 })
    expect(optimizer?.states.length).toBeGreaterThan(0)
    expect(optimizer?.states.every(({ tensors }) => tensors.length === 0)).toBe(true)
  })
})
