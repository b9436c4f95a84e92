import { describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import type { LayoutId, OptimizerState } from '../../../../src/core/checkpoint/checkpoint'
import { lostState, zeroedState } from '../../../../src/core/verify/rules/lost-state'
import { verify } from '../../../../src/core/verify/verify'
import { checkpointOf, findingsOf, tensorOf } from '../handmade'

const NAMES = [
  'embed.weight',
  ...[0, 1, 2].flatMap((i) =>
    ['fc', 'out'].flatMap((part) => [`layers.${i}.${part}.weight`, `layers.${i}.${part}.bias`]),
  ),
]
const shapeOf = (name: string) => (name.endsWith('bias') ? [4] : [4, 4])

/** An optimizer of all names that keeps a state for some. */
function optimizerOf(keeps: (name: string) => boolean, value: (name: string) => number = () => 1): OptimizerState {
  const parameters = NAMES.flatMap((name, key) => {
    const values = Array.from({ length: shapeOf(name).reduce((a, b) => a * b) }, () => value(name))
    const slot = (of: string) =>
      tensorOf({ name: `state.${key}.${of}`, shape: shapeOf(name), component: 'optimizer', values })
    return keeps(name)
      ? [{ key, tensors: { exp_avg: slot('exp_avg'), exp_avg_sq: slot('exp_avg_sq') }, scalars: {} }]
      : []
  })
  const groups = [{ params: NAMES.map((_, i) => i), names: NAMES, hyper: { betas: [0.9, 0.99] } }]
  return { file: 'optimizer.pt', groups, parameters, step: 8 }
}

const tensors = NAMES.map((name) => ({ name, shape: shapeOf(name) }))
const severities = async (layout: LayoutId, keeps: (name: string) => boolean) => {
  const checkpoint = checkpointOf({ layout, tensors, state: { optimizers: [optimizerOf(keeps)] } })
  return (await findingsOf(lostState, checkpoint)).map(({ severity }) => severity)
}

describe('states that are gone', () => {
  const first = (count: number) => (name: string) => NAMES.indexOf(name) < count

  test('were lost for certain where a bias of the Trainer has one and its weight has not', async () => {
    expect(await severities('trainer', first(4))).toEqual(['error'])
    expect(await severities('trainer', (name) => name !== 'layers.1.fc.weight')).toEqual(['error'])
  })

  test('were likely lost where they end within a module, or differ from layer to layer', async () => {
    expect(await severities('file', first(4))).toEqual(['warning'])
    expect(await severities('file', (name) => name !== 'layers.1.fc.weight')).toEqual(['warning'])
  })

  test('are in order for what is frozen or never used', async () => {
    for (const keeps of [
      (name: string) => !name.startsWith('embed'),
      (name: string) => name.endsWith('bias'),
      (name: string) => name.startsWith('layers.2'),
      (name: string) => name.startsWith('embed') || name.startsWith('layers.0'),
      (name: string) => !name.includes('.out.'),
      () => true,
      () => false,
    ]) {
      expect(await severities('file', keeps)).toEqual([])
    }
    expect(await severities('trainer', (name) => !name.startsWith('layers.1'))).toEqual([])
  })
})

describe('moments without a value', () => {
  const without = (gone: (name: string) => boolean) => {
    const optimizer = optimizerOf(() => true)
    const parameters = optimizer.parameters.map((each) =>
      gone(NAMES[Number(each.key)] as string)
        ? { ...each, tensors: { exp_avg: tensorOf({ name: 'exp_avg', shape: [0], component: 'optimizer' }) } }
        : each,
    )
    return { ...optimizer, parameters }
  }
  const found = (file: string, hollow: boolean) => {
    const optimizer = { ...without((name) => name === 'embed.weight'), file }
    const weights = tensors.map((each, i) => (hollow && i === 0 ? { ...each, shape: [0, 4] } : each))
    return findingsOf(lostState, checkpointOf({ tensors: weights, state: { optimizers: [optimizer] } }))
  }

  test('stop the first step, and are named', async () => {
    expect(await found('optimizer.pt', false)).toMatchObject([{ severity: 'error' }])
    expect((await found('optimizer.pt', false))[0]?.message).toContain('(embed.weight)')
  })

  test('are in order for a parameter without a value, and for a part that a rank has nothing of', async () => {
    expect(await found('optimizer.pt', true)).toEqual([])
    expect(await found('optimizer_rank0.pt', false)).toEqual([])
  })
})

test('states that a reference has were lost, however they are spread', async () => {
  const half = (name: string) => !name.startsWith('embed')
  const checkpoint = checkpointOf({ tensors, state: { optimizers: [optimizerOf(half)] } })
  const severitiesBeside = async (keeps: (name: string) => boolean) => {
    const reference = checkpointOf({ tensors, state: { optimizers: [optimizerOf(keeps)] } })
    const { findings } = await verify(checkpoint, { kernel: referenceKernel, reference })
    return findings.filter(({ rule }) => rule === 'optimizer/lost-state').map(({ severity }) => severity)
  }
  expect(await severitiesBeside(() => true)).toEqual(['error'])
  expect(await severitiesBeside(half)).toEqual([])
})

describe('moments that are zero', () => {
  const told = (isZero: (name: string) => boolean) => {
    const optimizer = optimizerOf(
      () => true,
      (name) => (isZero(name) ? 0 : 0.5),
    )
    return findingsOf(zeroedState, checkpointOf({ tensors, state: { optimizers: [optimizer] } }))
  }

  test('were lost where the bias of the module has some', async () => {
    const [found] = await told((name) => name === 'layers.1.fc.weight')
    expect(found?.message).toMatch(/^The moments of layers.1.fc.weight in optimizer.pt are all zero/)
  })

  test('are in order for a whole module, or for a bias', async () => {
    expect(await told((name) => name.startsWith('layers.1.fc'))).toEqual([])
    expect(await told((name) => name.endsWith('bias'))).toEqual([])
  })
})
