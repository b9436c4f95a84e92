import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { isRun, openCheckpoint, openPath } from '../../../src/core/checkpoint/open'
import { checkpointHistory } from '../../../src/core/run/own-logs'
import { type RunRow, rowsOf } from '../../../src/core/run/row'
import { goldenPath, truthOf } from '../../golden/cases'
import { scratchFolders } from '../bytes/scratch'

const scratch = scratchFolders()
const truth = truthOf('lightning')
/** Lightning counts steps from 0: what the logs call step 0 the first step did, and `global_step` is 1 after it. */
const counted = (list: readonly (readonly [number, number | string])[]) =>
  list.map(([step, value]) => ({ step: step + 1, value }))

async function historyOf(path: string) {
  const checkpoint = await openCheckpoint(path)
  try {
    return await checkpointHistory(checkpoint)
  } finally {
    checkpoint.close()
  }
}

function copied(): string {
  const root = join(scratch(), 'run')
  cpSync(goldenPath('lightning', 'data'), root, { recursive: true })
  return root
}

const table = (root: string) => join(root, 'csv/version_0/metrics.csv')

test('a single checkpoint of Lightning is told by the log of its logger', async () => {
  const { loss, learningRate } = await historyOf(goldenPath('lightning'))
  expect(loss).toEqual(counted(truth.loss))
  expect(learningRate).toEqual(counted(truth.lr))
})

test('the rate at a step is the one that the schedule gives it', async () => {
  const { schedule, learningRate } = await historyOf(goldenPath('lightning'))
  expect(schedule).toMatchObject({ kind: 'StepLR', logged: { compared: 18, differing: 0 } })
  // StepLR(step_size=4) halves the rate after four steps: the fourth is the last with the first rate.
  expect(learningRate[3]?.value).toBeCloseTo(0.003, 8)
  expect(learningRate[4]?.value).toBeCloseTo(0.0015, 8)
})

test('what was logged after the checkpoint was saved is not its past', async () => {
  const root = copied()
  const rows = readFileSync(table(root), 'utf8').trim().split('\n')
  const [header = '', last = ''] = [rows[0], rows.find((row) => row.split(',').includes('17'))]
  const later = [18, 19, 20].map((step) =>
    last
      .split(',')
      .map((each) => (each === '17' ? String(step) : each))
      .join(),
  )
  writeFileSync(table(root), [header, ...rows.slice(1), ...later, ''].join('\n'))
  const { loss } = await historyOf(join(root, 'checkpoints/last.ckpt'))
  expect(loss.map(({ step }) => step)).toEqual(counted(truth.loss).map(({ step }) => step))
})

test('of several trainings it is not guessed which one saved the checkpoint', async () => {
  const root = copied()
  cpSync(join(root, 'csv/version_0'), join(root, 'csv/version_1'), { recursive: true })
  expect((await historyOf(join(root, 'checkpoints/last.ckpt'))).loss).toEqual([])
})

test('a log that ends long before the checkpoint is of another training', async () => {
  const root = copied()
  const rows = readFileSync(table(root), 'utf8').split('\n')
  writeFileSync(table(root), `${rows.slice(0, 6).join('\n')}\n`)
  expect((await historyOf(join(root, 'checkpoints/last.ckpt'))).loss).toEqual([])
})

test('a log in an unrelated folder is left alone, and so is one beside a folder of another name', async () => {
  const root = copied()
  mkdirSync(join(root, 'other'))
  cpSync(join(root, 'csv'), join(root, 'other/csv'), { recursive: true })
  cpSync(join(root, 'checkpoints'), join(root, 'kept'), { recursive: true })
  rmSync(join(root, 'csv'), { recursive: true })
  expect((await historyOf(join(root, 'checkpoints/last.ckpt'))).loss).toEqual([])
  cpSync(join(root, 'other/csv'), join(root, 'csv'), { recursive: true })
  expect((await historyOf(join(root, 'kept/last.ckpt'))).loss).toEqual([])
})

test('the rows of a run whose checkpoints remember no loss take it from the logs beside them', async () => {
  const root = copied()
  for (const name of ['epoch=1-step=12.ckpt', 'epoch=2-step=18.ckpt']) {
    cpSync(join(root, 'checkpoints/last.ckpt'), join(root, 'checkpoints', name))
  }
  const run = await openPath(root)
  if (!isRun(run)) throw new Error('It is no run')
  const rows: RunRow[] = []
  for await (const row of rowsOf(run, { kernel: referenceKernel })) rows.push(row)
  expect(rows.map(({ step, loss }) => [step, loss])).toEqual(
    [12, 18, 18].map((step) => [step, counted(truth.loss)[step - 1]]),
  )
})
