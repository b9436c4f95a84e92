import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { isRun, openPath } from '../../../src/core/checkpoint/open'
import { factsOf } from '../../../src/core/run/facts'
import { type RunRow, rowsOf } from '../../../src/core/run/row'
import { scratchFolders } from '../bytes/scratch'

const scratch = scratchFolders()
const gpt2 = join(import.meta.dirname, '../../golden/trainer-gpt2/data')

/** A copy of the golden run of checkpoints 10, 20 and 30, for `change` to alter. */
function runLike(change: (at: (name: string) => string) => void = () => {}): string {
  const root = join(scratch(), 'run')
  cpSync(gpt2, root, { recursive: true })
  ;[10, 20, 30].forEach((step) => {
    written(join(root, `checkpoint-${step}`), step)
  })
  change((name) => join(root, name))
  return root
}

/** Makes all files of a folder as old as if they were written that many minutes after midnight. */
function written(folder: string, minutes: number): void {
  const time = new Date(Date.UTC(2025, 0, 1, 0, minutes))
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), time, time)
}

/** Changes what a checkpoint's trainer_state.json says. */
function edit(folder: string, change: (state: { [key: string]: unknown; log_history: Row[] }) => void): void {
  const path = join(folder, 'trainer_state.json')
  const state = JSON.parse(readFileSync(path, 'utf8'))
  change(state)
  writeFileSync(path, JSON.stringify(state))
}

interface Row {
  step: number
  loss?: number
}

async function read(root: string) {
  const run = await openPath(root)
  if (!isRun(run)) throw new Error('It is no run')
  const rows: RunRow[] = []
  for await (const row of rowsOf(run, { kernel: referenceKernel })) rows.push(row)
  return { run, rows, facts: await factsOf(run, rows) }
}

test('a run tells each checkpoint with its time, size, last loss and verdict', async () => {
  const { rows, facts } = await read(runLike())
  expect(rows.map(({ name, step, verification }) => [name, step, verification.verdict])).toEqual([
    ['checkpoint-10', 10, 'complete'],
    ['checkpoint-20', 20, 'complete'],
    ['checkpoint-30', 30, 'complete'],
  ])
  const truth = JSON.parse(readFileSync(join(gpt2, '../truth.json'), 'utf8'))
  expect(rows.map(({ loss }) => [loss?.step, loss?.value])).toEqual([9, 19, 29].map((i) => truth.loss[i]))
  expect(rows.map(({ modified }) => new Date(modified).getUTCMinutes())).toEqual([10, 20, 30])
  const sizes = readdirSync(join(gpt2, 'checkpoint-10')).map(
    (name) => readFileSync(join(gpt2, 'checkpoint-10', name)).length,
  )
  expect(rows[0]?.bytes).toBe(sizes.reduce((a, b) => a + b))
  expect(rows.map(({ missing }) => missing)).toEqual([[], [], []])
  expect(facts).toMatchObject({ interval: 10, gaps: [], overlaps: [], halfWritten: [] })
  expect(facts.bytes).toBe(rows.reduce((sum, { bytes }) => sum + bytes, 0))
})

describe('the checkpoint to go on from', () => {
  test('is the last, and the one a Trainer picks, where all are whole', async () => {
    const root = runLike()
    const { facts } = await read(root)
    expect(facts).toMatchObject({
      lastGood: join(root, 'checkpoint-30'),
      lastUsable: join(root, 'checkpoint-30'),
      trainerPick: { name: 'checkpoint-30', wise: true },
    })
  })

  test('is the one before where the last lacks something; a Trainer would pick the last all the same', async () => {
    const root = runLike((at) => rmSync(at('checkpoint-30/optimizer.pt')))
    const { rows, facts } = await read(root)
    expect(rows[2]?.missing).toEqual(['optimizer'])
    expect(facts.lastGood).toBe(join(root, 'checkpoint-20'))
    expect(facts.trainerPick).toMatchObject({ name: 'checkpoint-30', wise: false })
    expect(facts.trainerPick?.why).toMatch(/Optimizer state is missing.*Name checkpoint-20 instead\.$/)
  })

  test('is the last that loads where none resumes exactly', async () => {
    const root = runLike((at) => {
      for (const step of [10, 20, 30]) rmSync(at(`checkpoint-${step}/scheduler.pt`))
      rmSync(at('checkpoint-30/model.safetensors'))
    })
    const { facts } = await read(root)
    expect(facts).toMatchObject({ lastGood: null, lastUsable: join(root, 'checkpoint-20') })
    expect(facts.trainerPick?.why).toMatch(/^It has the highest number and cannot be resumed from/)
  })

  test('is none where nothing loads', async () => {
    const root = runLike((at) => {
      for (const step of [10, 20, 30]) rmSync(at(`checkpoint-${step}/model.safetensors`))
    })
    const { facts } = await read(root)
    expect(facts).toMatchObject({ lastGood: null, lastUsable: null, trainerPick: { wise: false } })
    expect(facts.trainerPick?.why).not.toMatch(/instead/)
  })

  test('the highest number is highest as a number', async () => {
    const root = runLike((at) => {
      renameSync(at('checkpoint-30'), at('checkpoint-100'))
      renameSync(at('checkpoint-20'), at('checkpoint-99'))
    })
    expect((await read(root)).facts.trainerPick?.name).toBe('checkpoint-100')
  })
})

describe('gaps', () => {
  test('are told where checkpoints should lie', async () => {
    const { facts } = await read(runLike((at) => renameSync(at('checkpoint-30'), at('checkpoint-420'))))
    expect(facts.gaps).toEqual([{ from: 20, to: 420, missing: 39 }])
  })

  test('a last one out of step is none', async () => {
    const { facts } = await read(runLike((at) => renameSync(at('checkpoint-30'), at('checkpoint-33'))))
    expect(facts.gaps).toEqual([])
  })

  test('two checkpoints tell one only where the arguments say how often to save', async () => {
    const two = (last: string) =>
      runLike((at) => {
        rmSync(at('checkpoint-20'), { recursive: true })
        renameSync(at('checkpoint-30'), at(last))
      })
    // The golden run saved every 10 steps.
    expect((await read(two('checkpoint-40'))).facts).toMatchObject({
      interval: 10,
      gaps: [{ from: 10, to: 40, missing: 2 }],
    })
    expect((await read(two('checkpoint-33'))).facts).toMatchObject({ interval: null, gaps: [] })
  })
})

describe('saves that did not end', () => {
  test('are told: a staging folder, a sentinel', async () => {
    const root = runLike((at) => {
      mkdirSync(at('tmp-checkpoint-40'))
      writeFileSync(at('checkpoint-30/checkpoint-is-incomplete.txt'), '')
    })
    const { rows, facts } = await read(root)
    expect(rows).toHaveLength(3)
    expect(facts.halfWritten.map(({ name }) => name)).toEqual(['tmp-checkpoint-40', 'checkpoint-30'])
    expect(facts.lastGood).toBe(join(root, 'checkpoint-20'))
  })
})

describe('a pointer', () => {
  const findings = async (change: (at: (name: string) => string) => void) =>
    (await read(runLike(change))).facts.findings.map(({ rule, subject, message }) => [rule, subject, message])

  test('that names nothing is told, with what comes of it', async () => {
    expect(await findings((at) => writeFileSync(at('latest'), 'global_step40\n'))).toEqual([
      [
        'trainer/stale-pointer',
        'latest',
        expect.stringMatching(
          /^latest names "global_step40", and there is no global_step40 here: DeepSpeed stops .* a Trainer does not/,
        ),
      ],
    ])
    expect(
      await findings((at) => writeFileSync(at('last_checkpoint'), '/other/machine/run/checkpoint-99')),
    ).toMatchObject([
      ['trainer/stale-pointer', 'last_checkpoint', expect.stringMatching(/no checkpoint-99 here: Detectron2/)],
    ])
  })

  test('that is a link to nothing is told, whatever it is called', async () => {
    for (const name of ['latest', 'last.ckpt', 'checkpoint_best.pt']) {
      expect(await findings((at) => symlinkSync('gone', at(name)))).toMatchObject([
        ['trainer/stale-pointer', name, /link/],
      ])
    }
    expect(await findings((at) => symlinkSync('gone', at('data')))).toEqual([])
  })

  test('to what is there is well', async () => {
    expect(await findings((at) => writeFileSync(at('latest'), 'checkpoint-30'))).toEqual([])
    expect(await findings((at) => writeFileSync(at('last_checkpoint'), '/other/machine/run/checkpoint-30'))).toEqual([])
    expect(await findings((at) => symlinkSync('checkpoint-30', at('latest')))).toEqual([])
  })

  test.each(['../run', '', '/', '..'])('that says %j leads nowhere outside', async (text) => {
    expect(await findings((at) => writeFileSync(at('latest'), text))).toHaveLength(1)
  })

  test('is a short file: a long one of that name is none', async () => {
    expect(await findings((at) => writeFileSync(at('latest'), 'x'.repeat(5000)))).toEqual([])
  })
})

describe('several runs below one folder', () => {
  test('have each their own last good one and gaps; the last of all is that of the one written last', async () => {
    const root = join(scratch(), 'runs')
    cpSync(gpt2, join(root, 'a/out'), { recursive: true })
    cpSync(gpt2, join(root, 'b'), { recursive: true })
    for (const [run, minutes] of [
      ['a/out', 100],
      ['b', 50],
    ] as const) {
      for (const step of [10, 20, 30]) written(join(root, run, `checkpoint-${step}`), minutes + step)
    }
    renameSync(join(root, 'b/checkpoint-30'), join(root, 'b/checkpoint-420'))
    rmSync(join(root, 'a/out/checkpoint-30/optimizer.pt'))
    writeFileSync(join(root, 'b/latest'), 'gone')
    const { rows, facts } = await read(root)
    expect(facts.findings).toMatchObject([
      { subject: 'b/latest', message: expect.stringMatching(/^b\/latest names "gone"/) },
    ])
    expect(rows.map(({ run, name }) => `${run} ${name}`)).toEqual([
      'a/out checkpoint-10',
      'a/out checkpoint-20',
      'a/out checkpoint-30',
      'b checkpoint-10',
      'b checkpoint-20',
      'b checkpoint-420',
    ])
    expect(facts.lastGood).toBe(join(root, 'a/out/checkpoint-20'))
    expect(facts.runs).toMatchObject([
      { name: 'a/out', lastGood: join(root, 'a/out/checkpoint-20') },
      { name: 'b', path: join(root, 'b') },
    ])
    expect(facts.gaps).toEqual([{ from: 20, to: 420, missing: 39, run: 'b' }])
    expect(facts.trainerPick).toBeNull()
    expect(facts.overlaps).toEqual([])
  })
})

describe('overlaps', () => {
  test('a checkpoint of an earlier attempt is told by its log, and not trusted though its number is the highest', async () => {
    const root = runLike((at) => {
      cpSync(at('checkpoint-30'), at('checkpoint-40'), { recursive: true })
      edit(at('checkpoint-30'), ({ log_history }) => {
        for (const row of log_history) if (row.step > 20 && row.loss) row.loss += 0.01
      })
      written(at('checkpoint-40'), 40)
      written(at('checkpoint-30'), 50)
    })
    const { facts } = await read(root)
    expect(facts.overlaps).toEqual([
      { path: join(root, 'checkpoint-40'), name: 'checkpoint-40', from: 21, to: 30, by: join(root, 'checkpoint-30') },
    ])
    expect(facts.trainerPick).toMatchObject({ name: 'checkpoint-40', wise: false })
  })

  test('a copied run, whose times mean nothing, has none', async () => {
    const { facts } = await read(runLike((at) => written(at('checkpoint-10'), 59)))
    expect(facts.overlaps).toEqual([])
    expect(facts.trainerPick?.wise).toBe(true)
  })
})

describe('rotation', () => {
  test('removes the oldest beyond the limit that was set, and spares the best', async () => {
    const root = runLike((at) =>
      edit(at('checkpoint-30'), (state) => {
        Object.assign(state, { save_total_limit: 2, best_model_checkpoint: 'C:\\runs\\checkpoint-10' })
      }),
    )
    const { rows, facts } = await read(root)
    expect(facts.rotation).toEqual({
      limit: 2,
      set: true,
      removes: [join(root, 'checkpoint-20')],
      frees: rows[1]?.bytes,
    })
  })

  test('without a limit it is an example, and nothing goes from a few', async () => {
    expect((await read(runLike())).facts.rotation).toEqual({ limit: 3, set: false, removes: [], frees: 0 })
  })
})

test('a checkpoint that vanishes while the run is read is left out', async () => {
  const root = runLike()
  const run = await openPath(root)
  if (!isRun(run)) throw new Error('It is no run')
  const rows: RunRow[] = []
  for await (const row of rowsOf(run, { kernel: referenceKernel })) {
    rows.push(row)
    rmSync(join(root, 'checkpoint-20'), { recursive: true, force: true })
  }
  expect(rows.map(({ name }) => name)).toEqual(['checkpoint-10', 'checkpoint-30'])
})

test('a run of checkpoint files is one as well', async () => {
  const root = join(scratch(), 'files')
  mkdirSync(root)
  const file = join(gpt2, '../../damaged-healthy-zip/data')
  const [name = ''] = readdirSync(file)
  for (const step of [100, 200, 1000]) cpSync(join(file, name), join(root, `model_step_${step}.pt`))
  const { rows, facts } = await read(root)
  expect(rows.map(({ step }) => step)).toEqual([100, 200, 1000])
  expect(rows[0]?.bytes).toBe(readFileSync(join(file, name)).length)
  expect(facts).toMatchObject({ trainerPick: null, rotation: null, gaps: [{ from: 200, to: 1000, missing: 7 }] })
})

test('stopping between two checkpoints stops', async () => {
  const run = await openPath(runLike())
  if (!isRun(run)) throw new Error('It is no run')
  const stop = new AbortController()
  const reading = rowsOf(run, { kernel: referenceKernel, signal: stop.signal })
  await reading.next()
  stop.abort()
  await expect(reading.next()).rejects.toMatchObject({ code: 'cancelled' })
})
