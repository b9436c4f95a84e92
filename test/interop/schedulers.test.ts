import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assay } from '../cli/run'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-schedulers-'))
const place = (...names: string[]) => join(folder, ...names)

/** Rates of steps 36 to 40 of each group, by kind; `[step, rate, loss]` of the Trainer's run. */
let undamaged: { rates: Record<string, number[][]>; trainer: [number, number, number][] }
beforeAll(() => {
  undamaged = JSON.parse(python('schedulers.py', 'make', place('runs')))
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** Repairs a checkpoint of a copy of the run without some of its files, into `out`. */
async function repairWithout(run: string, checkpoint: string, lost: readonly string[], out: string) {
  const copy = place('copies', lost.join('-'), run)
  cpSync(place('runs', run), copy, { recursive: true })
  for (const file of lost) rmSync(join(copy, checkpoint, file))
  mkdirSync(dirname(out), { recursive: true })
  const { status, stderr } = await assay(['repair', join(copy, checkpoint), '--out', out])
  expect([run, status, stderr]).toEqual([run, 0, expect.anything()])
}

const kinds = () => Object.keys(undamaged.rates)

/** Rates of every kind after loading the last checkpoint below `root`. */
function ratesBelow(root: string, name: string): Record<string, number[][]> {
  return JSON.parse(python('schedulers.py', 'rates', root, name))
}

it('Accelerate sets the same rates under a rebuilt scheduler of any kind as under the one that was lost', async () => {
  for (const kind of kinds())
    await repairWithout(kind, 'checkpoint_35', ['scheduler.bin'], place('accelerate', kind, 'checkpoint_35'))
  expect(ratesBelow(place('accelerate'), 'checkpoint_35')).toEqual(undamaged.rates)
}, 300_000)

it('and, with the optimizer lost as well, to the last digits', async () => {
  const lost = ['scheduler.bin', 'optimizer.bin']
  for (const kind of kinds()) await repairWithout(kind, 'checkpoint_35', lost, place('both', kind, 'checkpoint_35'))
  const found = ratesBelow(place('both'), 'checkpoint_35')
  for (const kind of kinds()) {
    // A plain function of the script tells no rate before the scheduler sets the next.
    const from = kind.startsWith('hf-') ? 1 : 0
    const each = (rates: number[][]) => rates.slice(from).flat()
    const wanted = each(undamaged.rates[kind] ?? [])
    const off = each(found[kind] ?? []).map((rate, i) => Math.abs(rate / (wanted[i] ?? Number.NaN) - 1))
    expect([kind, off.length, Math.max(...off) < 1e-9]).toEqual([kind, wanted.length, true])
  }
}, 300_000)

it('the Trainer goes on under a rebuilt ReduceLROnPlateau with the same rates and losses', async () => {
  const out = place('plateau', 'checkpoint-8')
  await repairWithout('trainer', 'checkpoint-8', ['scheduler.pt'], out)
  expect(readdirSync(out)).toContain('scheduler.pt')
  const [resumed] = JSON.parse(python('schedulers.py', 'trained', out)) as [typeof undamaged.trainer]
  expect(resumed.filter(([step]) => step > 8)).toEqual(undamaged.trainer.filter(([step]) => step > 8))
}, 300_000)

it('a dict of a script takes its scheduler, step and random state back, and torch.load(weights_only=True) takes the dict', async () => {
  const copy = place('dicts')
  for (const kind of kinds()) cpSync(place('runs', `${kind}-dict`), join(copy, `${kind}-dict`), { recursive: true })
  python('schedulers.py', 'strip', copy, 'ckpt_35.pt', 'scheduler', 'step', 'torch_rng_state')
  for (const kind of kinds()) {
    const out = place('mended', `${kind}-dict`, 'ckpt_35.pt')
    mkdirSync(dirname(out), { recursive: true })
    const { status, stderr } = await assay(['repair', join(copy, `${kind}-dict`, 'ckpt_35.pt'), '--out', out])
    expect([kind, status, stderr]).toEqual([kind, 0, expect.anything()])
  }
  expect(JSON.parse(python('schedulers.py', 'dicts', place('mended'), 'ckpt_35.pt'))).toEqual(undamaged.rates)
}, 300_000)

it.each([
  ['steps', 'checkpoint_35', (rank: number) => `random_states_${rank}.pkl`, 'random_states_0.pkl'],
  ['trainer', 'checkpoint-8', (rank: number) => `rng_state_${rank}.pth`, 'rng_state.pth'],
])(
  'random states made for three processes of %s load, draw differently, and keep the first',
  async (run, name, file, own) => {
    const out = place('resized', run)
    mkdirSync(dirname(out), { recursive: true })
    const { status } = await assay(['repair', place('runs', run, name), '--out', out, '--world-size', '3'])
    expect(status).toBe(0)
    const paths = [place('runs', run, name, own), ...[0, 1, 2].map((rank) => join(out, file(rank)))]
    const [before, ...after] = JSON.parse(python('schedulers.py', 'draws', ...paths)) as number[][]
    expect(after[0]).toEqual(before)
    for (const i of [0, 1, 2]) expect(new Set(after.map((draws) => draws[i])).size).toBe(3)
  },
  300_000,
)
