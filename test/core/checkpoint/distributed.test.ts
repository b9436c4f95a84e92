import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import type { Tensor } from '../../../src/core/checkpoint/tensor'
import { sha256Of } from '../../../src/core/checkpoint/values'
import { decodePickle } from '../../../src/core/decode/pickle/machine'
import { mappingOf, PyDict, PyList, type PyObject, PyTuple, type PyValue } from '../../../src/core/decode/pickle/value'
import { verify } from '../../../src/core/verify/verify'
import { encodePickle } from '../../../src/core/write/pickle'
import { copyOf, opened, placeOf, truthOf } from './cases'

type Fields = Map<PyValue, PyValue>

const fields = (value: PyValue | undefined): Fields => mappingOf((value as PyObject).state) as Fields

/** A copy of the DCP case whose metadata was changed before it was written again. */
function changed(change: (metadata: { described: Fields; stored: [Fields, Fields][]; root: Fields }) => void): string {
  const folder = copyOf('dcp-fsdp2')
  const path = join(folder, '.metadata')
  const { value } = decodePickle(new Uint8Array(readFileSync(path)))
  const root = fields(value)
  const stored = [...(mappingOf(root.get('storage_data')) as Fields)].map(
    ([index, info]) => [fields(index), fields(info)] as [Fields, Fields],
  )
  change({ described: mappingOf(root.get('state_dict_metadata')) as Fields, stored, root })
  writeFileSync(path, encodePickle(value as PyValue))
  return folder
}

/** The fields of the chunks of one tensor. */
function chunksOf(described: Fields, name: string): Fields[] {
  const list = fields(described.get(name)).get('chunks') as PyList
  return list.items.map(fields)
}

const size = (...extents: number[]) => new PyTuple(extents)

async function rulesOf(checkpoint: Checkpoint) {
  const { findings, components } = await verify(checkpoint, { kernel: referenceKernel, deep: true })
  const statuses = Object.fromEntries(components.map(({ id, status }) => [id, status]))
  return { found: findings.filter(({ severity }) => severity === 'error'), statuses }
}

describe('a distributed checkpoint', () => {
  it.each(['dcp-fsdp2', 'fsdp-accelerate'])('%s has the moments of every parameter, by its name', async (name) => {
    const { state, tensors } = await opened(placeOf(name))
    const weights = tensors.filter(({ component }) => component === 'weights')
    const [optimizer] = state.optimizers
    expect(optimizer?.parameters.map(({ key }) => key)).toEqual(weights.map((tensor) => tensor.name))
    expect(optimizer?.groups.map(({ params }) => params)).toEqual([weights.map((tensor) => tensor.name)])
    for (const [i, { tensors: slots }] of optimizer?.parameters.entries() ?? []) {
      expect(Object.keys(slots).sort()).toEqual(['exp_avg', 'exp_avg_sq', 'step'])
      expect(slots.exp_avg?.shape).toEqual(weights[i]?.shape)
    }
    expect(optimizer?.groups[0]).toMatchObject({ initialLr: 0.002, hyper: { betas: [0.9, 0.999] } })
  })

  it('has the values of the moments that torch gathered', async () => {
    const { state } = await opened(placeOf('dcp-fsdp2'))
    const truth = (truthOf('dcp-fsdp2') as unknown as { optimizer_tensors: { name: string; sha256: string }[] })
      .optimizer_tensors
    const slots = state.optimizers.flatMap(({ parameters }) =>
      parameters.flatMap(({ key, tensors }) =>
        Object.entries(tensors).map(([slot, tensor]) => [`${key}.${slot}`, tensor] as const),
      ),
    )
    const byName = new Map<string, Tensor>(slots)
    for (const { name, sha256 } of truth) {
      const tensor = byName.get(name)
      expect(tensor && (await sha256Of(tensor))).toBe(sha256)
    }
    expect(truth.length).toBeGreaterThan(10)
  })

  it('reads scheduler, step and epoch, which are objects of their own', async () => {
    const { state, config } = await opened(placeOf('dcp-fsdp2'))
    expect(state).toMatchObject({ step: 6, epoch: 1, worldSize: 2 })
    expect(state.schedulers).toMatchObject([{ lastEpoch: 6, stepCount: 7, baseLrs: [0.002] }])
    expect(config).toBeUndefined()
  })

  it('without planner data tells model and optimizer apart by their names', async () => {
    const folder = changed(({ root }) => root.set('planner_data', null))
    const { tensors, state, components } = await opened(folder)
    const weights = tensors.filter(({ component }) => component === 'weights').map(({ name }) => name)
    expect(weights.sort()).toEqual(
      truthOf('dcp-fsdp2')
        .tensors.map(({ name }) => name)
        .sort(),
    )
    expect(state.optimizers[0]?.parameters).toHaveLength(29)
    expect(components.find(({ id }) => id === 'optimizer')?.status).toBe('present')
  })
})

describe('of a distributed checkpoint that lost a file', () => {
  it('the tensors keep what is left of them, and the finding tells them', async () => {
    const checkpoint = await opened(placeOf('dcp-fsdp2-shard-missing'))
    const wte = checkpoint.tensors.find(({ name }) => name === 'wte.weight')
    expect(wte?.blocks.map(({ start, shape }) => ({ start, shape }))).toEqual([{ start: [0, 0], shape: [33, 32] }])
    const { found } = await rulesOf(checkpoint)
    expect(found.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(['weights/missing-shard __1_0.distcp'])
    expect(found[0]?.evidence?.names).toContain('model.wte.weight')
  })

  it('only the optimizer is damaged when the file held nothing else', async () => {
    const folder = copyOf('fsdp-accelerate')
    rmSync(join(folder, 'optimizer_0/__1_0.distcp'))
    const { found, statuses } = await rulesOf(await opened(folder))
    expect(found.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'optimizer/missing-rank optimizer_0/__1_0.distcp',
    ])
    expect(statuses).toMatchObject({ weights: 'present', optimizer: 'damaged', scheduler: 'present' })
  })

  it('the save of a folder without .metadata was interrupted', async () => {
    const folder = copyOf('fsdp-accelerate')
    rmSync(join(folder, 'pytorch_model_fsdp_0/.metadata'))
    const { found, statuses } = await rulesOf(await opened(folder))
    expect(found.map(({ rule }) => rule)).toEqual(['trainer/incomplete-save'])
    expect(statuses).toMatchObject({ weights: 'damaged', optimizer: 'present' })
  })

  it('what lies behind a cut is lost, what lies before it is whole', async () => {
    const folder = copyOf('dcp-fsdp2')
    truncateSync(join(folder, '__1_0.distcp'), 20_000)
    const checkpoint = await opened(folder)
    const { found, statuses } = await rulesOf(checkpoint)
    expect(found.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(['file/truncated __1_0.distcp'])
    expect(statuses).toMatchObject({ weights: 'damaged', optimizer: 'damaged' })
  })
})

describe('metadata that lies', () => {
  const NAME = 'model.wte.weight'

  it('places an item beyond the end of its file', async () => {
    const folder = changed(({ stored }) => {
      for (const [index, info] of stored) if (index.get('fqn') === NAME) info.set('offset', 2 ** 40)
    })
    const { found, statuses } = await rulesOf(await opened(folder))
    expect(found.map(({ rule }) => rule)).toEqual(['file/truncated', 'file/truncated'])
    expect(statuses).toMatchObject({ weights: 'damaged', optimizer: 'present' })
  })

  it.each<[string, (described: Fields) => void]>([
    ['outside of its tensor', (described) => chunksOf(described, NAME)[1]?.set('offsets', size(60, 0))],
    ['over another', (described) => chunksOf(described, NAME)[1]?.set('offsets', size(32, 0))],
    [
      'of more values than can be counted',
      (described) => chunksOf(described, NAME)[1]?.set('sizes', size(2 ** 52, 2 ** 52)),
    ],
    ['of another rank', (described) => chunksOf(described, NAME)[1]?.set('sizes', size(32))],
    ['for half of it', (described) => fields(described.get(NAME)).set('chunks', new PyList([]))],
  ])('has a chunk %s', async (_, change) => {
    const folder = changed(({ described }) => change(described))
    const checkpoint = await opened(folder)
    const { found, statuses } = await rulesOf(checkpoint)
    expect(found.length).toBeGreaterThan(0)
    expect(new Set(found.map(({ rule }) => rule))).toEqual(new Set(['file/bad-header']))
    expect(statuses).toMatchObject({ weights: 'damaged', optimizer: 'present' })
    const wte = checkpoint.tensors.find(({ name }) => name === 'wte.weight')
    if (wte) await expect(sha256Of(wte)).rejects.toThrow()
  })

  it('gives a tensor a size beyond all measure, and nothing is allocated', async () => {
    const folder = changed(({ described }) => fields(described.get(NAME)).set('size', size(2 ** 50, 2 ** 50)))
    const { found, statuses } = await rulesOf(await opened(folder))
    expect(found.map(({ rule }) => rule)).toEqual(['file/bad-header'])
    expect(statuses.weights).toBe('damaged')
  })

  it('says another dtype or shape than the item has', async () => {
    const folder = changed(({ described }) => {
      for (const chunk of chunksOf(described, 'model.h.0.c_proj.weight')) chunk.set('sizes', size(32, 16))
      const [first, second] = chunksOf(described, 'model.h.0.c_proj.weight')
      first?.set('offsets', size(0, 0))
      second?.set('offsets', size(0, 16))
    })
    const checkpoint = await opened(folder)
    const { found } = await rulesOf(checkpoint)
    expect(found.map(({ rule }) => rule)).toEqual(['file/bad-header'])
  })

  it.each(['../../../etc/passwd', '/etc/passwd', 'a/../../b'])('points at %s, which is never opened', async (path) => {
    const folder = changed(({ stored }) => {
      for (const [index, info] of stored) if (index.get('fqn') === NAME) info.set('relative_path', path)
    })
    const checkpoint = await opened(folder)
    const { found, statuses } = await rulesOf(checkpoint)
    expect(found.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([`file/path-escape ${path}`])
    expect(statuses.weights).toBe('damaged')
    expect(checkpoint.files.map((file) => file.path)).toEqual(['.metadata', '__0_0.distcp', '__1_0.distcp'])
  })

  it('has paths through values, and numbers for names', async () => {
    const folder = changed(({ root }) => {
      const plan = mappingOf(root.get('planner_data')) as Fields
      plan.set('step', new PyTuple(['scheduler', '_step_count', 'deeper', 2 ** 30]))
      plan.set('epoch', new PyTuple([2 ** 40]))
    })
    const checkpoint = await opened(folder)
    expect(checkpoint.state.schedulers).toHaveLength(1)
    expect(checkpoint.tensors).toHaveLength(29 * 4)
  })

  it('is no metadata at all', async () => {
    const folder = copyOf('dcp-fsdp2')
    writeFileSync(join(folder, '.metadata'), encodePickle(new PyDict()))
    const { found, statuses } = await rulesOf(await opened(folder))
    expect(found.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(['file/bad-header .metadata'])
    expect(statuses.weights).toBe('damaged')
  })

  it('calls something when it is unpickled', async () => {
    const folder = changed(({ root }) => {
      const { value } = decodePickle(new TextEncoder().encode("cos\nsystem\n(S'true'\ntR."))
      root.set('extra', value as PyObject)
    })
    const { found } = await rulesOf(await opened(folder))
    expect(found.map(({ rule }) => rule)).toEqual(['pickle/dangerous'])
  })
})
