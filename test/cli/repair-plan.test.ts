import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { goldenPath } from '../golden/cases'
import { assay, assayJson } from './run'

interface Plan {
  readonly plan: {
    step: number
    subject: string
    kind: string
    confidence: string
    chosen?: string
    shape?: number[]
  }[]
  readonly applied: boolean
}

/** A lone flattened model, whose shapes only a bias or the user tells. */
function flattened(): { path: string; out: string; edited: string } {
  const folder = mkdtempSync(join(tmpdir(), 'assay-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'model.safetensors')
  cpSync(join(goldenPath('flattened'), 'model.safetensors'), path)
  return { path, out: join(folder, 'mended.safetensors'), edited: join(folder, 'plan.json') }
}

test('a plan that is printed can be edited and given back', async () => {
  const { path, out, edited } = flattened()
  const { json } = await assayJson<Plan>('repair', path, '--dry-run')
  const asking = json.plan.filter(({ confidence }) => confidence === 'ask')
  expect(asking.length).toBeGreaterThan(0)
  const name = 'model.encoder.conv1.weight'
  const plan = json.plan.flatMap((step) => (step.subject === name ? [{ ...step, shape: [1280, 128, 3] }] : []))
  writeFileSync(edited, JSON.stringify({ ...json, plan }))
  const done = await assayJson<Plan>('repair', path, '--out', out, '--plan', edited)
  expect(done.json.applied).toBe(true)
  const those = done.json.plan.map(({ subject, confidence }) => [subject === name, confidence])
  expect(those).toContainEqual([true, 'certain'])
  expect(those.filter(([own]) => !own).every(([, confidence]) => confidence === 'refused')).toBe(true)
})

test('a choice is made by its name, and what is offered is shown', async () => {
  const { path, out } = flattened()
  const { stdout } = await assay(['repair', path, '--dry-run'])
  const [, step, choice] = /--choose (\d+)=([\d,]+)/.exec(stdout) ?? []
  const { json } = await assayJson<Plan>('repair', path, '--out', out, '--choose', `${step}=${choice}`)
  expect(json.plan.find((each) => each.step === Number(step))).toMatchObject({
    chosen: choice,
    confidence: 'likely',
  })
  const wrong = await assay(['repair', path, '--dry-run', '--choose', `${step}=other`])
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('has no choice other')])
})

test.each([
  ['that is no JSON', 'hello'],
  ['of another shape', '{"plan": [{"step": "one"}]}'],
  ['of another checkpoint', '{"plan": [{"step": 1, "subject": "somebody.else"}]}'],
  ['with a step twice', '{"plan": [{"step": 1, "subject": "a"}, {"step": 1, "subject": "a"}]}'],
])('a plan %s is refused, and nothing is written', async (_, text) => {
  const { path, out, edited } = flattened()
  const before = readFileSync(path)
  writeFileSync(edited, text)
  const { status, stderr } = await assay(['repair', path, '--out', out, '--plan', edited])
  expect([status, stderr.length > 0]).toEqual([2, true])
  expect(readFileSync(path).equals(before)).toBe(true)
})

test('a step whose confidence was set to refused is not done, also when it was refused by --choose', async () => {
  const { path, out, edited } = flattened()
  const shape = 'model.encoder.conv1.weight=1280,128,3'
  const { json } = await assayJson<Plan>('repair', path, '--dry-run', '--shape', shape)
  const number = json.plan.find(({ confidence }) => confidence === 'certain')?.step
  const plan = json.plan.map((step) => (step.step === number ? { ...step, confidence: 'refused' } : step))
  for (const refusal of [
    plan,
    (await assayJson<Plan>('repair', path, '--dry-run', '--shape', shape, '--choose', `${number}=none`)).json.plan,
  ]) {
    writeFileSync(edited, JSON.stringify({ plan: refusal }))
    const done = await assayJson<Plan>('repair', path, '--out', out, '--shape', shape, '--plan', edited)
    expect(done.json).toMatchObject({ applied: false })
    expect(done.json.plan.find(({ step }) => step === number)?.confidence).toBe('refused')
  }
})

test('a result that was written into a plan is not passed over: it says how a shape is given', async () => {
  const { path, out, edited } = flattened()
  const shape = 'model.encoder.conv1.weight=1280,128,3'
  const { json } = await assayJson<Plan>('repair', path, '--dry-run', '--shape', shape)
  const plan = json.plan.map((step) => (step.confidence === 'certain' ? { ...step, after: '[3, 128, 1280]' } : step))
  writeFileSync(edited, JSON.stringify({ plan }))
  const { status, stderr } = await assay(['repair', path, '--out', out, '--shape', shape, '--plan', edited])
  expect([status, stderr]).toEqual([2, expect.stringContaining('"shape"')])
  expect(existsSync(out)).toBe(false)
})

test('a plan that is a pipe without a writer is refused, not waited for', async ({ skip }) => {
  if (process.platform === 'win32') return skip()
  const { path, out, edited } = flattened()
  execFileSync('mkfifo', [edited])
  const { status, stderr } = await assay(['repair', path, '--out', out, '--plan', edited])
  expect([status, existsSync(out)]).toEqual([2, false])
  expect(stderr).toContain('a pipe')
})

test('a shape for a name that objects have of their own is not passed over', async () => {
  const { path, out } = flattened()
  for (const name of ['__proto__', 'constructor']) {
    const { status, stderr } = await assay(['repair', path, '--out', out, '--shape', `${name}=2,3`])
    expect([name, status]).toEqual([name, 2])
    expect(stderr).toContain(`no weight called ${name}`)
  }
})

test('of a single file the target says whether it is a file or a folder', async () => {
  const { path, out } = flattened()
  const told = ['--shape', 'model.encoder.conv1.weight=1280,128,3']
  const folder = out.replace('.safetensors', '')
  for (const unclear of [folder, `${out}/`, out.replace('.safetensors', '.pt')]) {
    const { status, stderr } = await assay(['repair', path, '--out', unclear, ...told])
    expect([unclear, status]).toEqual([unclear, 2])
    expect(stderr).toContain('(usage)')
  }
  expect((await assay(['repair', path, '--out', out, ...told])).status).not.toBe(2)
  expect(statSync(out).isFile()).toBe(true)
  expect((await assay(['repair', path, '--out', `${folder}/`, ...told])).status).not.toBe(2)
  expect(existsSync(join(folder, 'model.safetensors'))).toBe(true)
})
