import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRun, openPath } from '../../../src/core/checkpoint/open'
import { runHistory } from '../../../src/core/run/history'
import { scratchFolders } from '../bytes/scratch'

const scratch = scratchFolders()
const golden = join(import.meta.dirname, '../../golden')
const gpt2 = join(golden, 'trainer-gpt2/data')

async function historyOf(root: string) {
  const run = await openPath(root)
  if (!isRun(run)) throw new Error('It is no run')
  return runHistory(run)
}

function truthOf(name: string) {
  return JSON.parse(readFileSync(join(golden, name, 'truth.json'), 'utf8'))
}

const pairs = (points: readonly { step: number; value: number }[]) => points.map(({ step, value }) => [step, value])

test('the checkpoints of a run tell one history, as the Trainer logged it', async () => {
  const { loss, learningRate, evalLoss, schedule, resumes, abandoned, jumps, spikes } = await historyOf(gpt2)
  const truth = truthOf('trainer-gpt2')
  expect(pairs(loss)).toEqual(truth.loss)
  expect(pairs(learningRate)).toEqual(truth.lr)
  if (truth.eval_loss) expect(pairs(evalLoss)).toEqual(truth.eval_loss)
  expect(schedule).toMatchObject({ kind: 'cosine', basis: 'arguments', logged: { compared: 30, differing: 0 } })
  expect([resumes, abandoned, jumps, spikes]).toEqual([[], [], [], []])
})

/** The golden run, resumed from step 20 after it had reached 40: checkpoint-30 was written again, 40 was left over. */
function resumed(): string {
  const root = join(scratch(), 'run')
  cpSync(gpt2, root, { recursive: true })
  cpSync(join(root, 'checkpoint-30'), join(root, 'checkpoint-40'), { recursive: true })
  const path = join(root, 'checkpoint-30/trainer_state.json')
  const state = JSON.parse(readFileSync(path, 'utf8'))
  for (const row of state.log_history) if (row.step > 20 && row.loss) row.loss += 2
  writeFileSync(path, JSON.stringify(state))
  ;['checkpoint-10', 'checkpoint-20', 'checkpoint-40', 'checkpoint-30'].forEach((name, i) => {
    const time = new Date(Date.UTC(2025, 0, 1, 0, i))
    for (const file of readdirSync(join(root, name))) utimesSync(join(root, name, file), time, time)
  })
  return root
}

test('a resume is found in the logs: the later attempt goes on, the earlier is kept apart, the jump is placed', async () => {
  const { loss, resumes, abandoned, jumps } = await historyOf(resumed())
  const truth: [number, number][] = truthOf('trainer-gpt2').loss
  expect(resumes).toEqual([20])
  expect(pairs(loss)).toEqual(truth.map(([step, value]) => [step, step > 20 ? value + 2 : value]))
  expect(abandoned).toMatchObject([{ series: 'loss', source: 'checkpoint-40' }])
  expect(pairs(abandoned[0]?.points ?? [])).toEqual(truth.slice(20))
  expect(jumps).toMatchObject([{ series: 'loss', step: 21 }])
})

/** Lightning's folder: checkpoints beside the table of its CSVLogger. */
function lightning(): string {
  const root = join(scratch(), 'version_0')
  mkdirSync(join(root, 'checkpoints'), { recursive: true })
  const data = join(golden, 'lightning/data')
  for (const name of ['epoch=1-step=12.ckpt', 'epoch=2-step=18.ckpt']) {
    cpSync(join(data, 'checkpoints/last.ckpt'), join(root, 'checkpoints', name))
  }
  cpSync(join(data, 'csv/version_0/metrics.csv'), join(root, 'metrics.csv'))
  return root
}

test.each(['', 'checkpoints'])(
  'the table that Lightning keeps beside its checkpoints is read (from /%s)',
  async (place) => {
    const { loss, evalLoss, learningRate, metrics } = await historyOf(join(lightning(), place))
    const truth = truthOf('lightning')
    // Lightning counts steps from 0.
    const counted = (list: [number, number][]) => list.map(([step, value]) => [step + 1, value])
    expect(pairs(loss)).toEqual(counted(truth.loss))
    expect(pairs(learningRate)).toEqual(counted(truth.lr))
    expect(pairs(evalLoss)).toEqual(counted(truth.val_loss))
    expect(Object.keys(metrics)).toEqual([])
  },
)

test('the event files of a Trainer add what its checkpoints have lost', async () => {
  const root = join(scratch(), 'run')
  cpSync(gpt2, root, { recursive: true })
  const [log] = ['events.out.tfevents.1.host.1.0']
  mkdirSync(join(root, 'runs/Jan01_host'), { recursive: true })
  const { path } = truthOf('tensorboard')
  cpSync(join(golden, 'tensorboard', path), join(root, 'runs/Jan01_host', log as string))
  for (const step of [10, 20, 30]) rmSync(join(root, `checkpoint-${step}/trainer_state.json`))
  const { loss, evalLoss } = await historyOf(root)
  expect(pairs(loss)).toEqual(truthOf('tensorboard').loss)
  expect(evalLoss.length).toBeGreaterThan(0)
})

test('a damaged checkpoint or log is left out, the rest is told', async () => {
  const root = join(scratch(), 'run')
  cpSync(gpt2, root, { recursive: true })
  writeFileSync(join(root, 'checkpoint-30/trainer_state.json'), '{"log_history": [')
  writeFileSync(join(root, 'metrics.csv'), 'step,loss\n<html>')
  writeFileSync(join(root, 'events.out.tfevents.1'), 'x'.repeat(100))
  expect(pairs((await historyOf(root)).loss)).toEqual(truthOf('trainer-gpt2').loss.slice(0, 20))
})

test('the state in the output folder of a Trainer is read as well', async () => {
  const root = join(scratch(), 'run')
  cpSync(gpt2, root, { recursive: true })
  cpSync(join(root, 'checkpoint-30/trainer_state.json'), join(root, 'trainer_state.json'))
  rmSync(join(root, 'checkpoint-30'), { recursive: true })
  expect((await historyOf(root)).loss).toHaveLength(30)
})
