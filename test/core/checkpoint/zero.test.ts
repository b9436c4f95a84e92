import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import { isRun, openPath } from '../../../src/core/checkpoint/open'
import { isWhole, type Tensor } from '../../../src/core/checkpoint/tensor'
import { sha256Of } from '../../../src/core/checkpoint/values'
import { verify } from '../../../src/core/verify/verify'
import { copyOf, opened, placeOf, truthOf } from './cases'

async function verified(path: string) {
  const { findings, components, verdict } = await verify(await opened(path), { kernel: referenceKernel, deep: true })
  const statuses = Object.fromEntries(components.map(({ id, status }) => [id, status]))
  return { findings, statuses, verdict }
}

/** What zero_to_fp32.py makes of the case: frozen parameters and buffers are widened by it, and are left as they are here. */
const trained = (name: string) => truthOf(name).tensors.filter((tensor) => !/^(mask|wpe\.weight)$/.test(tensor.name))

function moments(checkpoint: Checkpoint) {
  const parameters = checkpoint.state.optimizers.flatMap((optimizer) => optimizer.parameters)
  return new Map<string, Tensor>(
    parameters.flatMap(({ key, tensors }) =>
      Object.entries(tensors).map(([slot, tensor]) => [`${key}.${slot}`, tensor] as const),
    ),
  )
}

describe('ZeRO', () => {
  it('3 puts the weights together from the partitions of all ranks', async () => {
    const { tensors } = await opened(placeOf('zero3'))
    const weights = new Map(tensors.filter(({ component }) => component === 'weights').map((each) => [each.name, each]))
    for (const { name, shape, dtype, sha256 } of trained('zero3')) {
      const tensor = weights.get(name)
      expect(tensor).toMatchObject({ dtype, shape })
      expect(tensor && (await sha256Of(tensor))).toBe(sha256)
    }
    expect(weights.size).toBe(truthOf('zero3').tensors.length)
    expect(weights.get('mask')).toMatchObject({ dtype: 'float16', shape: [4, 4] })
  })

  it('3 puts frozen parameters together from the fragments in the model states', async () => {
    const [three, two] = [await opened(placeOf('zero3')), await opened(placeOf('zero2'))]
    const digest = async ({ tensors }: Checkpoint) => {
      const tensor = tensors.find(({ name }) => name === 'wpe.weight')
      return tensor && [tensor.dtype, tensor.shape, await sha256Of(tensor)]
    }
    expect(await digest(three)).toEqual(await digest(two))
  })

  it('2 has the weights of the module and the fp32 master weights of every trained parameter', async () => {
    const checkpoint = await opened(placeOf('zero2'))
    const slots = moments(checkpoint)
    for (const { name, sha256 } of trained('zero2')) {
      if (name === 'lm_head.weight') continue
      const master = slots.get(`${name}.fp32`)
      expect(master && (await sha256Of(master))).toBe(sha256)
    }
    const wte = checkpoint.tensors.find(({ name, component }) => name === 'wte.weight' && component === 'weights')
    expect(wte).toMatchObject({ dtype: 'float16', shape: [64, 32] })
  })

  it.each(['zero2', 'zero3'])(
    '%s has the moments that the ranks keep, in the shape of their parameters',
    async (name) => {
      const slots = moments(await opened(placeOf(name)))
      const truth = (truthOf(name) as unknown as { optimizer_tensors: { name: string; sha256: string }[] })
        .optimizer_tensors
      expect(truth.length).toBeGreaterThan(5)
      for (const each of truth) {
        const tensor = slots.get(each.name)
        expect(tensor && (await sha256Of(tensor))).toBe(each.sha256)
      }
    },
  )

  it.each(['zero2', 'zero3'])('%s tells step, epoch, schedule and groups', async (name) => {
    const { state } = await opened(placeOf(name))
    expect(state).toMatchObject({ step: 10, epoch: 1, worldSize: 2 })
    expect(state.schedulers).toMatchObject([{ lastEpoch: 10, baseLrs: [0.002, 0.002] }])
    expect(state.optimizers[0]?.step).toBe(10)
    expect(state.optimizers[0]?.groups.map(({ params }) => params.length)).toEqual([10, 19])
  })

  it('2 without a rank says which parameters are whole', async () => {
    const checkpoint = await opened(placeOf('zero2-rank-missing'))
    const slots = moments(checkpoint)
    expect(slots.get('wte.weight.exp_avg')).toSatisfy(isWhole)
    expect(slots.get('h.1.mlp_fc.weight.exp_avg')).not.toSatisfy(isWhole)
    const told = checkpoint.findings.find(({ rule }) => rule === 'optimizer/missing-rank')?.evidence?.parameters
    expect(told).toContain('h.1.mlp_fc.weight')
    expect(told).not.toContain('wte.weight')
    expect(checkpoint.tensors.filter(({ component }) => component === 'weights').every(isWhole)).toBe(true)
  })

  it('opens the folder of one save as well as the root', async () => {
    const checkpoint = await opened(join(placeOf('zero3'), 'global_step10'))
    expect(checkpoint).toMatchObject({ layout: 'deepspeed', layoutLabel: 'DeepSpeed ZeRO-3 checkpoint of 2 ranks' })
    expect(checkpoint.state.step).toBe(10)
  })

  it('with several saves is a run, with one a checkpoint', async () => {
    const folder = copyOf('zero3')
    const one = await openPath(folder)
    expect(isRun(one)).toBe(false)
    if (!isRun(one)) one.close()
    cpSync(join(folder, 'global_step10'), join(folder, 'global_step20'), { recursive: true })
    const run = await openPath(folder)
    expect(isRun(run) && run.checkpoints.map(({ name, step }) => [name, step])).toEqual([
      ['global_step10', 10],
      ['global_step20', 20],
    ])
  })

  it('is read inside the folders of Accelerate and of the Trainer', async () => {
    const accelerate = copyOf('zero3')
    renameSync(join(accelerate, 'global_step10'), join(accelerate, 'pytorch_model'))
    cpSync(
      placeOf('accelerate-plain', 'data/checkpoints/checkpoint_2/random_states_0.pkl'),
      join(accelerate, 'random_states_0.pkl'),
    )
    const trainer = copyOf('zero3')
    writeFileSync(join(trainer, 'trainer_state.json'), '{"global_step": 10}')
    for (const [path, layout] of [
      [accelerate, 'accelerate'],
      [trainer, 'trainer'],
    ] as const) {
      const checkpoint = await opened(path)
      expect(checkpoint.layout).toBe(layout)
      const { statuses } = await verified(path)
      expect(statuses).toMatchObject({ weights: 'present', optimizer: 'present', scheduler: 'present' })
      expect(moments(checkpoint).size).toBeGreaterThan(29 * 3)
    }
  })
})

describe('of ZeRO that is amiss', () => {
  const SAVE = 'global_step10'

  it('model states that one rank did not write are missed', async () => {
    const folder = copyOf('zero3')
    rmSync(join(folder, SAVE, 'zero_pp_rank_1_mp_rank_00_model_states.pt'))
    const { findings, statuses } = await verified(folder)
    expect(findings.map(({ rule }) => rule)).toContain('weights/missing-shard')
    expect(statuses).toMatchObject({ weights: 'damaged', optimizer: 'present' })
  })

  it('all files of the optimizer may be gone', async () => {
    const folder = copyOf('zero2')
    for (const name of readdirSync(join(folder, SAVE))) {
      if (name.includes('optim')) rmSync(join(folder, SAVE, name))
    }
    const { statuses, verdict } = await verified(folder)
    expect(statuses).toMatchObject({ weights: 'present', optimizer: 'missing' })
    expect(verdict).toBe('partial')
  })

  it('a rank that was cut damages what it holds, and no more', async () => {
    const folder = copyOf('zero2')
    const path = join(folder, SAVE, 'zero_pp_rank_1_mp_rank_00_optim_states.pt')
    writeFileSync(path, readFileSync(path).subarray(0, 40_000))
    const { statuses, findings } = await verified(folder)
    expect(findings.map(({ rule }) => rule)).toContain('file/truncated')
    expect(statuses).toMatchObject({ weights: 'present', optimizer: 'damaged' })
  })

  it('layers of a pipeline are named and not vouched for', async () => {
    const folder = copyOf('zero2')
    mkdirSync(join(folder, SAVE), { recursive: true })
    cpSync(join(folder, SAVE, 'mp_rank_00_model_states.pt'), join(folder, SAVE, 'mp_rank_01_model_states.pt'))
    const { findings, verdict } = await verified(folder)
    expect(findings.find(({ rule }) => rule === 'file/unknown-format')?.message).toContain('tensor-parallel')
    expect(verdict).toBe('partial')
  })
})
