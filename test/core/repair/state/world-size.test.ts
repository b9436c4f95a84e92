import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { applyRepair } from '../../../../src/core/repair/apply'
import { undoRepair } from '../../../../src/core/repair/undo'
import { verify } from '../../../../src/core/verify/verify'
import { golden, opened, planned, scratch, snapshot } from '../cases'

const kernel = referenceKernel
const TWO = golden('accelerate-ddp2/data/checkpoints/checkpoint_2')
const ONE = golden('trainer-gpt2/data/checkpoint-20')
const states = (folder: string) =>
  readdirSync(folder)
    .filter((name) => /^(random_states|rng_state)/.test(name))
    .sort()

async function resized(path: string, worldSize: number) {
  const out = join(scratch(), 'resized')
  const { checkpoint, plan } = await planned(path, { worldSize })
  const result = await applyRepair(checkpoint, plan, { kernel, out })
  return { out, plan, result, ...(await verified(out)) }
}

async function verified(path: string) {
  const checkpoint = await opened(path)
  const { resume, findings } = await verify(checkpoint, { kernel })
  return { checkpoint, resume, rules: findings.map(({ rule }) => rule) }
}

it('keeps the files of the ranks that stay and seeds each new one differently', async () => {
  const { out, result, resume, checkpoint } = await resized(TWO, 4)
  expect(states(out)).toEqual([0, 1, 2, 3].map((rank) => `random_states_${rank}.pkl`))
  const bytes = states(out).map((name) => readFileSync(join(out, name)).toString('base64'))
  const before = states(TWO).map((name) => readFileSync(join(TWO, name)).toString('base64'))
  expect(bytes.slice(0, 2)).toEqual(before)
  expect(new Set(bytes).size).toBe(4)
  expect(checkpoint.rebuilt?.map(({ file }) => file)).toEqual(['random_states_2.pkl', 'random_states_3.pkl'])
  expect(checkpoint.state.worldSize).toBe(4)
  expect([result.verdictAfter, resume.level]).toEqual(['partial', 'stable'])
})

it('leaves out the files of the ranks that go, says so, and does not call the rest exact', async () => {
  const { out, plan, resume, rules, checkpoint } = await resized(TWO, 1)
  expect(states(out)).toEqual(['random_states_0.pkl'])
  expect(readFileSync(join(out, 'random_states_0.pkl'))).toEqual(readFileSync(join(TWO, 'random_states_0.pkl')))
  expect(plan.plan).toMatchObject([{ confidence: 'likely', lost: [expect.stringContaining('random_states_1.pkl')] }])
  expect(plan.plan[0]?.evidence).toContain('has counted 2 a step; with 1 process it counts 1')
  expect(plan.files).toContainEqual({ path: 'random_states_1.pkl', bytes: 0, action: 'remove' })
  expect([rules, resume.level, checkpoint.state.worldSize]).toEqual([['rng/world-size'], 'stable', 1])
})

it('names the files of a Trainer as its number of processes asks for, there and back', async () => {
  const own = readFileSync(join(ONE, 'rng_state.pth'))
  const three = await resized(ONE, 3)
  expect(states(three.out)).toEqual(['rng_state_0.pth', 'rng_state_1.pth', 'rng_state_2.pth'])
  expect(readFileSync(join(three.out, 'rng_state_0.pth'))).toEqual(own)
  expect(three.resume.level).toBe('stable')
  const back = await resized(three.out, 1)
  expect(states(back.out)).toEqual(['rng_state.pth'])
  expect(readFileSync(join(back.out, 'rng_state.pth'))).toEqual(own)
})

it('in place moves what goes aside, and can be undone', async () => {
  const path = join(scratch(), 'checkpoint-20')
  cpSync(ONE, path, { recursive: true })
  const before = snapshot(path)
  const { checkpoint, plan } = await planned(path, { worldSize: 2 })
  await applyRepair(checkpoint, plan, { kernel, inPlace: true })
  expect(states(path)).toEqual(['rng_state.pth.backup', 'rng_state_0.pth', 'rng_state_1.pth'])
  const { restored, removed } = await undoRepair(path)
  expect([restored, [...removed].sort()]).toEqual([['rng_state.pth'], ['rng_state_0.pth', 'rng_state_1.pth']])
  expect(snapshot(path)).toEqual(before)
})

it('seeds a rank that was lost along with those that are new', async () => {
  const path = join(scratch(), 'checkpoint_2')
  cpSync(TWO, path, { recursive: true })
  rmSync(join(path, 'random_states_1.pkl'))
  const { checkpoint } = await resized(path, 3)
  expect(checkpoint.rebuilt?.map(({ file }) => file)).toEqual(['random_states_1.pkl', 'random_states_2.pkl'])
})

it('has nothing to do where there are as many already', async () => {
  const { plan } = await planned(TWO, { worldSize: 2 })
  expect(plan).toMatchObject({ plan: [], worldSize: 2 })
})

it('is refused where random states are not kept by process, and beyond what a plan can hold', async () => {
  const folder = await planned(golden('seed-style/data'), { worldSize: 2 })
  expect(folder.plan.plan).toMatchObject([{ kind: 'refuse', evidence: expect.stringContaining('only Trainer and') }])
  const crowd = await planned(TWO, { worldSize: 2 ** 40 })
  expect(crowd.plan.plan).toMatchObject([{ kind: 'refuse', evidence: expect.stringContaining('at most 1024') }])
})
