import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { applyRepair } from '../../../../src/core/repair/apply'
import type { Decision } from '../../../../src/core/repair/decisions'
import { planRepair } from '../../../../src/core/repair/plan'
import { verify } from '../../../../src/core/verify/verify'
import {
  digests,
  dropTensors,
  flattenTensors,
  golden,
  opened,
  planned,
  repeatTensor,
  scratch,
  snapshot,
} from '../cases'

const kernel = referenceKernel

/** A copy of a golden run in a folder of its own, without some files of one of its checkpoints, or with that one alone. */
function without(run: string, checkpoint: string, files: readonly string[], alone = false): string {
  const folder = scratch()
  const source = golden(`${run}/data`)
  cpSync(alone ? join(source, checkpoint) : source, alone ? join(folder, checkpoint) : folder, { recursive: true })
  for (const file of files) rmSync(join(folder, checkpoint, file))
  return join(folder, checkpoint)
}

async function repaired(path: string, decisions: readonly Decision[] = []) {
  const out = join(scratch(), 'mended')
  const { checkpoint, plan } = await planned(path, { decisions })
  const result = await applyRepair(checkpoint, plan, { kernel, out })
  const mended = await opened(out)
  return { out, plan, result, mended, verification: await verify(mended, { kernel }) }
}

const STATES = ['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'trainer_state.json']
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

describe('an optimizer whose moments are as they should be, beside a weight that is not,', () => {
  const NORM = 'transformer.h.0.ln_1.weight'

  it('is kept, and the weight is cut to what config.json says', async () => {
    const path = without('trainer-gpt2', 'checkpoint-20', [], true)
    repeatTensor(join(path, 'model.safetensors'), NORM, 3)
    const { verification, plan } = await planned(path)
    expect(verification.verdict).toBe('broken')
    expect(plan.plan.map(({ kind, subject }) => [kind, subject])).toEqual([['cut', NORM]])
    const { mended } = await repaired(path)
    expect(await digests(mended)).toEqual(await digests(await opened(golden('trainer-gpt2/data/checkpoint-20'))))
  })

  it('is made anew only on request where nothing tells the shape of the weight', async () => {
    const path = without('trainer-gpt2', 'checkpoint-20', ['config.json'])
    rmSync(join(path, '../checkpoint-10/config.json'))
    repeatTensor(join(path, 'model.safetensors'), NORM, 3)
    const { plan } = await planned(path)
    const [step] = plan.plan.filter(({ subject }) => subject === 'optimizer.pt')
    expect(step).toMatchObject({ confidence: 'ask', evidence: expect.stringContaining('it would lose all of them') })
  })
})

describe('a Trainer folder that lost', () => {
  it.each(STATES)('%s alone gets it back, stable and not exact', async (lost) => {
    const path = without('trainer-gpt2', 'checkpoint-20', [lost])
    const { plan, result, verification } = await repaired(path)
    expect(plan.plan.map(({ kind, subject, confidence }) => [kind, subject, confidence])).toEqual([
      ['rebuild-state', lost, 'likely'],
    ])
    expect(plan.unmended).toEqual([])
    expect(result).toMatchObject({ applied: true, verdictAfter: 'partial' })
    expect(verification.resume.level).toBe('stable')
    expect(verification.findings.map(({ rule, subject }) => [rule, subject])).toEqual([
      [expect.stringMatching(/^(optimizer|scheduler|rng|trainer)\/rebuilt$/), lost],
    ])
    expect(verification.components.every(({ status }) => status === 'present' || status === 'not-applicable')).toBe(
      true,
    )
  })

  it('everything is rebuilt from the other checkpoints of the run, and the original stays as it is', async () => {
    const path = without('trainer-gpt2', 'checkpoint-20', STATES)
    const before = snapshot(path)
    const { mended, out } = await repaired(path)
    expect(snapshot(path)).toEqual(before)
    const truth = await opened(golden('trainer-gpt2/data/checkpoint-20'))
    expect(mended.state.schedulers[0]).toEqual(truth.state.schedulers[0])
    expect(mended.state.optimizers[0]?.groups).toEqual(truth.state.optimizers[0]?.groups)
    const state = json(join(out, 'trainer_state.json'))
    const real = json(golden('trainer-gpt2/data/checkpoint-20/trainer_state.json'))
    expect(state).toEqual(real)
  })

  it('its moments gets zeros of the right names and shapes, and counts them from 0', async () => {
    const { mended } = await repaired(without('trainer-gpt2', 'checkpoint-20', ['optimizer.pt'], true))
    const truth = await opened(golden('trainer-gpt2/data/checkpoint-20'))
    const shapes = ({ tensors }: typeof truth) =>
      tensors.flatMap(({ name, dtype, shape, component }) => (component === 'optimizer' ? [[name, dtype, shape]] : []))
    expect(shapes(mended)).toEqual(shapes(truth))
    const moments = await digests({ tensors: mended.tensors.filter(({ component }) => component === 'optimizer') })
    const zeros = await digests({ tensors: mended.tensors.filter(({ name }) => name.endsWith('.step')) })
    expect(new Set(zeros.map(({ sha256 }) => sha256)).size).toBe(1)
    expect(moments).toHaveLength(84)
    expect(mended.state.optimizers[0]?.step).toBe(0)
    expect(mended.state.step).toBe(20)
  })

  it('the run around it is served by training_args.bin: the scheduler comes out as it was', async () => {
    const { mended } = await repaired(without('trainer-gpt2', 'checkpoint-20', STATES, true))
    const truth = await opened(golden('trainer-gpt2/data/checkpoint-20'))
    expect(mended.state.schedulers[0]).toEqual(truth.state.schedulers[0])
    expect(mended.state.optimizers[0]?.groups).toEqual(truth.state.optimizers[0]?.groups)
  })

  it('the run around it and its arguments keeps what cannot be told lost, and says why', async () => {
    const path = without('trainer-gpt2', 'checkpoint-20', ['optimizer.pt', 'scheduler.pt', 'training_args.bin'], true)
    const { plan } = await planned(path)
    expect(plan.plan.map(({ kind, confidence }) => [kind, confidence])).toEqual([
      ['refuse', 'refused'],
      ['refuse', 'refused'],
    ])
    expect(plan.unmended.map(({ rule }) => rule)).toEqual(['optimizer/missing', 'scheduler/missing'])
    expect(plan.unmended[0]?.why).toContain('another checkpoint of the run')
  })

  it('its scheduler to damage gets a new one in its place', async () => {
    const path = without('trainer-gpt2', 'checkpoint-20', [])
    writeFileSync(join(path, 'scheduler.pt'), '')
    const { plan, verification } = await repaired(path)
    expect(plan.unmended).toEqual([])
    expect(verification.resume.level).toBe('stable')
  })

  it('nothing any more is exact again once the file that was made anew is replaced', async () => {
    const path = without('trainer-gpt2', 'checkpoint-20', ['scheduler.pt', 'trainer_state.json'])
    const { out } = await repaired(path)
    for (const file of ['scheduler.pt', 'trainer_state.json'])
      copyFileSync(golden(`trainer-gpt2/data/checkpoint-20/${file}`), join(out, file))
    const { resume, findings } = await verify(await opened(out), { kernel })
    expect([resume.level, findings]).toEqual(['exact', []])
  })
})

/** A copy of the Accelerate run as if it had trained two models with optimizers and schedulers of their own. */
function withTwo(): string {
  const path = without('accelerate-plain', 'checkpoints/checkpoint_2', [])
  for (const each of ['checkpoint_0', 'checkpoint_1', 'checkpoint_2'])
    for (const state of ['optimizer', 'scheduler'])
      copyFileSync(join(path, '..', each, `${state}.bin`), join(path, '..', each, `${state}_1.bin`))
  return path
}

describe('an Accelerate folder with two optimizers', () => {
  it.each([
    ['optimizer_1.bin', 'optimizer.bin'],
    ['optimizer.bin', 'optimizer_1.bin'],
  ])('has %s made anew where it was cut off, and %s kept', async (cut, kept) => {
    const path = withTwo()
    truncateSync(join(path, cut), 3000)
    const { plan, out, verification } = await repaired(path)
    expect([plan.plan.map(({ subject }) => subject), plan.unmended]).toEqual([[cut], []])
    expect(readFileSync(join(out, kept))).toEqual(readFileSync(join(path, kept)))
    expect(verification.findings.map(({ rule, subject }) => [rule, subject])).toEqual([['optimizer/rebuilt', cut]])
  })

  it('is not complete without the first, which the second shows to be lost, and gets it back', async () => {
    const path = withTwo()
    rmSync(join(path, 'optimizer.bin'))
    rmSync(join(path, 'scheduler.bin'))
    const before = await verify(await opened(path), { kernel })
    expect([before.verdict, before.resume.level]).toEqual(['partial', 'weights-only'])
    const { mended, verification } = await repaired(path)
    const truth = await opened(golden('accelerate-plain/data/checkpoints/checkpoint_2'))
    expect(verification.resume.level).toBe('stable')
    expect(mended.state.schedulers.map(({ file, lastEpoch }) => [file, lastEpoch])).toEqual(
      ['scheduler.bin', 'scheduler_1.bin'].map((file) => [file, truth.state.schedulers[0]?.lastEpoch]),
    )
    expect(mended.state.optimizers.map(({ step }) => step)).toEqual([0, truth.state.optimizers[0]?.step])
  })

  it('gets the last one back, which only the rest of the run shows to be lost', async () => {
    const path = withTwo()
    rmSync(join(path, 'scheduler_1.bin'))
    const { mended, plan } = await repaired(path)
    expect(plan.plan.map(({ subject }) => subject)).toEqual(['scheduler_1.bin'])
    expect(mended.state.schedulers[1]?.lastEpoch).toBe(mended.state.schedulers[0]?.lastEpoch)
  })
})

describe('an Accelerate folder that lost', () => {
  it('its scheduler, with nothing beside it, gets it back once the user has said that counts and rates are enough', async () => {
    const path = without('accelerate-ddp2', 'checkpoints/checkpoint_2', ['scheduler.bin'], true)
    const { plan } = await planned(path)
    expect(plan.plan).toMatchObject([
      { confidence: 'ask', evidence: expect.stringContaining('not for one with warm restarts') },
    ])
    const { mended, verification } = await repaired(path, [{ step: 1, choice: 'anew' }])
    const truth = await opened(golden('accelerate-ddp2/data/checkpoints/checkpoint_2'))
    expect(mended.state.schedulers[0]).toEqual(truth.state.schedulers[0])
    expect(verification.resume.level).toBe('stable')
  })

  it('its optimizer takes groups and settings from an earlier checkpoint of the run', async () => {
    const { mended, plan } = await repaired(
      without('accelerate-plain', 'checkpoints/checkpoint_2', ['optimizer.bin', 'scheduler.bin']),
    )
    expect(plan.plan.map(({ evidence }) => evidence).join()).toContain('checkpoint_1')
    const truth = await opened(golden('accelerate-plain/data/checkpoints/checkpoint_2'))
    expect(mended.state.optimizers[0]?.groups).toEqual(truth.state.optimizers[0]?.groups)
    expect(mended.state.schedulers[0]).toEqual(truth.state.schedulers[0])
  })

  it('the shapes of its weights, and the moments that tell them, has both from the run', async () => {
    const path = without('accelerate-plain', 'checkpoints/checkpoint_2', ['optimizer.bin'])
    flattenTensors(join(path, 'model.safetensors'))
    const { mended } = await repaired(path)
    const weights = ({ tensors }: typeof mended) =>
      digests({ tensors: tensors.filter(({ component }) => component === 'weights') })
    const truth = await opened(golden('accelerate-plain/data/checkpoints/checkpoint_2'))
    expect(await weights(mended)).toEqual(await weights(truth))
  })

  it('bytes of its random states gets fresh ones', async () => {
    const path = without('accelerate-plain', 'checkpoints/checkpoint_2', [])
    truncateSync(join(path, 'random_states_0.pkl'), 9000)
    const { plan, verification } = await repaired(path)
    expect(plan.unmended).toEqual([])
    expect(verification.findings.map(({ rule }) => rule)).toEqual(['rng/rebuilt'])
  })

  it('a weight keeps the moments of the others, and takes the weight from the run', async () => {
    const path = without('accelerate-plain', 'checkpoints/checkpoint_2', [])
    dropTensors(join(path, 'model.safetensors'), ['h.0.ln_1.weight', 'h.0.ln_1.bias'])
    const { plan } = await planned(path)
    expect(plan.plan.map(({ subject, confidence }) => [subject, confidence])).toEqual([
      ['h.0.ln_1.bias', 'ask'],
      ['h.0.ln_1.weight', 'ask'],
    ])
    const choice = 'checkpoint_1'
    const { mended, verification } = await repaired(path, [
      { step: 1, choice },
      { step: 2, choice },
    ])
    const truth = await opened(golden('accelerate-plain/data/checkpoints/checkpoint_2'))
    const moments = ({ tensors }: typeof truth) =>
      digests({ tensors: tensors.filter(({ component }) => component === 'optimizer') })
    expect(await moments(mended)).toEqual(await moments(truth))
    expect(verification.findings.map(({ rule }) => rule)).toEqual(['weights/borrowed'])
  })

  it('its scheduler to one of another save is asked whether to make it anew', async () => {
    const path = without('accelerate-plain', 'checkpoints/checkpoint_2', [])
    copyFileSync(join(path, '../checkpoint_1/scheduler.bin'), join(path, 'scheduler.bin'))
    const { plan } = await planned(path)
    expect(plan.plan).toMatchObject([{ confidence: 'ask', subject: 'scheduler.bin' }])
    const { mended } = await repaired(path, [{ step: 1, choice: 'anew' }])
    const truth = await opened(golden('accelerate-plain/data/checkpoints/checkpoint_2'))
    expect(mended.state.schedulers[0]).toEqual(truth.state.schedulers[0])
  })

  it("one process's random state gets one of its own", async () => {
    const path = golden('accelerate-ddp2-rng1-missing/data/checkpoints/checkpoint_2')
    const { mended, verification } = await repaired(path)
    expect(mended.state.rng.map(({ rank, generators, malformed }) => [rank, generators, malformed])).toEqual([
      [0, ['python', 'numpy', 'torch'], undefined],
      [1, ['python', 'numpy', 'torch'], undefined],
    ])
    expect(verification.findings.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['rng/rebuilt', 'random_states_1.pkl'],
    ])
  })

  it("more processes' random states than a plan can hold are not made", async () => {
    const checkpoint = await opened(golden('accelerate-ddp2-rng1-missing/data/checkpoints/checkpoint_2'))
    const crowd = { ...checkpoint, state: { ...checkpoint.state, worldSize: 2 ** 50 } }
    const plan = await planRepair(crowd, await verify(crowd, { kernel }), {})
    expect(plan.plan).toMatchObject([{ kind: 'refuse', evidence: expect.stringContaining('at most 1024') }])
  })

  it('its optimizer with nothing beside it is left as it is: no file tells the settings', async () => {
    const { plan } = await planned(without('accelerate-plain', 'checkpoints/checkpoint_2', ['optimizer.bin'], true))
    expect(plan.plan).toMatchObject([
      { kind: 'refuse', evidence: expect.stringContaining('another checkpoint of the run') },
    ])
  })
})
