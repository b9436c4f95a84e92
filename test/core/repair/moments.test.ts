import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import { contiguousStrides, numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import { applyRepair } from '../../../src/core/repair/apply'
import type { Decision } from '../../../src/core/repair/decisions'
import type { Change } from '../../../src/core/repair/steps'
import { verify } from '../../../src/core/verify/verify'
import { digests, golden, opened, planned, scratch } from './cases'

/** A copy of the second save of a run of the Trainer in which some moments are others. */
async function damaged(
  damage: (tensor: Tensor) => Omit<Change, 'tensor'> | undefined,
  alone: boolean,
): Promise<string> {
  const folder = scratch()
  const source = golden('trainer-gpt2/data/checkpoint-20')
  if (!alone) cpSync(golden('trainer-gpt2/data/checkpoint-10'), join(folder, 'checkpoint-10'), { recursive: true })
  const checkpoint = await opened(source)
  const moments = checkpoint.tensors.filter(({ component }) => component === 'optimizer')
  const changes = moments.flatMap((tensor) => {
    const change = damage(tensor)
    return change ? [{ tensor, ...change }] : []
  })
  const told = { step: 1, kind: 'trim' as const, subject: 'optimizer.pt', action: '', evidence: '' }
  const { plan } = await planned(source)
  const path = join(folder, 'checkpoint-20')
  await applyRepair(checkpoint, { ...plan, plan: [{ ...told, confidence: 'certain', changes }] }, { kernel, out: path })
  return path
}

/** A tensor of this form of which every value is NaN. */
function spoilt({ name, dtype, shape, file, component }: Tensor): Omit<Change, 'tensor'> {
  const source = {
    name,
    size: numel(shape) * 4,
    async read(_: number, target: Uint8Array) {
      target.fill(0xff)
    },
    close() {},
  }
  const block = { source, offset: 0, strides: contiguousStrides(shape), start: shape.map(() => 0), shape }
  return { shape, dtype, values: { name, dtype, shape, file, component, blocks: [block] } }
}

async function repaired(path: string, decisions: readonly Decision[] = []) {
  const { checkpoint, plan } = await planned(path, { deep: true, decisions })
  const out = join(scratch(), 'mended')
  await applyRepair(checkpoint, plan, { kernel, out })
  const mended = await opened(out)
  return { plan, mended, verification: await verify(mended, { kernel, deep: true }) }
}

/** SHA-256 of each moment, by name. */
async function momentsOf(checkpoint: { readonly tensors: readonly Tensor[] }): Promise<Map<string, string>> {
  const found = await digests({ tensors: checkpoint.tensors.filter(({ component }) => component === 'optimizer') })
  return new Map(found.map(({ name, shape, sha256 }) => [name, `${shape} ${sha256}`]))
}

/** Names of the moments that are not as the training left them. */
async function others(mended: { readonly tensors: readonly Tensor[] }): Promise<string[]> {
  const truth = await momentsOf(await opened(golden('trainer-gpt2/data/checkpoint-20')))
  const found = await momentsOf(mended)
  expect([...found.keys()].sort()).toEqual([...truth.keys()].sort())
  return [...truth].flatMap(([name, digest]) => (found.get(name) === digest ? [] : [name]))
}

const flat = ({ shape }: Pick<Tensor, 'shape'>) => (shape.length > 1 ? { shape: [numel(shape)] } : undefined)
const nanIn = (names: readonly string[]) => (tensor: Tensor) =>
  names.includes(tensor.name) ? spoilt(tensor) : undefined

describe('an optimizer', () => {
  it('of which all moments were saved in one dimension has them back, exact to the bit', async () => {
    const { plan, mended, verification } = await repaired(await damaged(flat, true))
    expect(new Set(plan.plan.map(({ kind, confidence }) => `${kind} ${confidence}`))).toEqual(
      new Set(['reshape certain']),
    )
    expect(await others(mended)).toEqual([])
    expect([verification.verdict, verification.resume.level]).toEqual(['complete', 'exact'])
  })

  it('with a NaN in one average of gradients loses that one, and the mark names its parameter', async () => {
    const { plan, mended, verification } = await repaired(await damaged(nanIn(['state.3.exp_avg']), true))
    expect(plan.plan).toMatchObject([{ kind: 'rebuild-state', subject: 'state.3.exp_avg', confidence: 'likely' }])
    expect(plan.unmended).toEqual([])
    expect(await others(mended)).toEqual(['state.3.exp_avg'])
    expect(verification.resume.level).toBe('stable')
    expect(verification.findings.map(({ rule }) => rule)).toEqual(['optimizer/rebuilt'])
    expect(verification.findings[0]?.message).toMatch(/not trained here: the moments of transformer\.h\.\S+$/)
  })

  it('with a NaN in one average of squares and nothing beside it begins anew with that parameter, count and all', async () => {
    const { mended, verification } = await repaired(await damaged(nanIn(['state.3.exp_avg_sq']), true))
    expect(await others(mended)).toEqual(['state.3.exp_avg', 'state.3.exp_avg_sq', 'state.3.step'])
    expect(verification.resume.level).toBe('stable')
    expect(mended.state.step).toBe(20)
  })

  it('with a NaN in one average of squares takes it from another save of the run, unless it is to begin anew', async () => {
    const path = await damaged(nanIn(['state.3.exp_avg_sq']), false)
    const { mended, verification } = await repaired(path)
    const earlier = await momentsOf(await opened(golden('trainer-gpt2/data/checkpoint-10')))
    expect(await others(mended)).toEqual(['state.3.exp_avg_sq'])
    expect((await momentsOf(mended)).get('state.3.exp_avg_sq')).toBe(earlier.get('state.3.exp_avg_sq'))
    expect(verification.resume.level).toBe('stable')
    const anew = await repaired(path, [{ step: 1, choice: 'anew' }])
    expect(await others(anew.mended)).toHaveLength(3)
  })

  it('with a NaN for a count of steps begins anew with that parameter, also where another save has a count', async () => {
    const { mended } = await repaired(await damaged(nanIn(['state.3.step']), false))
    expect(await others(mended)).toEqual(['state.3.exp_avg', 'state.3.exp_avg_sq', 'state.3.step'])
  })

  it('with moments of other shapes among those that were flattened is made anew as a whole', async () => {
    const turned = ({ name, shape }: Tensor) =>
      /^state\.0\.exp/.test(name) ? { shape: shape.toReversed() } : flat({ shape })
    const { plan } = await planned(await damaged(turned, true))
    expect(plan.plan.map(({ kind, subject }) => [kind, subject])).toEqual([['rebuild-state', 'optimizer.pt']])
  })
})
