import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isRun, openCheckpoint, openPath } from '../../../src/core/checkpoint/open'
import { checkpointsBelow, runAt, runsOf } from '../../../src/core/checkpoint/run'
import { filesOf, makeFolder } from './folders'

const golden = (path: string) => new URL(`../../golden/trainer-gpt2/data/${path}`, import.meta.url).pathname
const under = (folder: string) =>
  Object.fromEntries(Object.entries(filesOf(golden(folder))).map(([name, from]) => [`${folder}/${name}`, from]))

describe('the folder of a finished Trainer run', () => {
  const last = { 'model.safetensors': { from: golden('checkpoint-30/model.safetensors') } }
  const folder = makeFolder('output', { ...last, ...under('checkpoint-20'), ...under('checkpoint-30') })

  it('opens as the weights that were saved last, and knows the checkpoints below', async () => {
    const opened = await openPath(folder)
    expect(isRun(opened)).toBe(false)
    if (!isRun(opened)) opened.close()
    expect(checkpointsBelow(folder)).toMatchObject([
      { name: 'checkpoint-20', step: 20 },
      { name: 'checkpoint-30', step: 30 },
    ])
  })

  it('has none below when the numbered folders hold no checkpoint', () => {
    expect(checkpointsBelow(makeFolder('output', { ...last, 'checkpoint-1/notes.txt': 'nothing' }))).toEqual([])
  })
})

const lightning = { from: new URL('../../golden/lightning/data/checkpoints/last.ckpt', import.meta.url).pathname }
const accelerate = new URL('../../golden/accelerate-plain/data/checkpoints/checkpoint_0', import.meta.url).pathname

/** A folder with files of that name; what is in them is not looked at. */
const withFiles = (...names: string[]) =>
  makeFolder('place', Object.fromEntries(names.map((name) => [name, lightning])))
const namesAt = (folder: string) => runAt(folder)?.checkpoints.map(({ name }) => name)

describe('checkpoints that lie deeper', () => {
  it.each([
    // Lightning 2.6 with its CSVLogger or TensorBoardLogger, and with WandbLogger: <project>/<run id>/checkpoints.
    ['lightning_logs/version_0/checkpoints/epoch=0-step=10.ckpt', 'lightning_logs/version_0'],
    ['my-project/4f2a91/checkpoints/epoch=0-step=10.ckpt', 'my-project/4f2a91'],
    // Hydra, multirun too.
    ['outputs/2025-05-01/10-11-12/checkpoints/epoch_1.pt', 'outputs/2025-05-01/10-11-12'],
    ['multirun/2025-05-01/10-11-12/0/model.ckpt', 'multirun/2025-05-01/10-11-12/0'],
  ])('%s is found from the root, with its run', (path, run) => {
    const root = withFiles(path)
    expect(runAt(root)?.checkpoints).toMatchObject([{ run, path: expect.stringContaining(join(root, run)) }])
  })

  it('are listed run by run, each in the order of its saves', () => {
    const root = withFiles(
      'lightning_logs/version_10/checkpoints/last.ckpt',
      'lightning_logs/version_2/checkpoints/epoch=9-step=90.ckpt',
      'lightning_logs/version_2/checkpoints/epoch=10-step=100.ckpt',
      'lightning_logs/version_2/hparams.yaml',
    )
    expect(runAt(root)?.checkpoints.map(({ run, name, step }) => [run, name, step])).toEqual([
      ['lightning_logs/version_2', 'epoch=9-step=90.ckpt', 90],
      ['lightning_logs/version_2', 'epoch=10-step=100.ckpt', 100],
      ['lightning_logs/version_10', 'last.ckpt', undefined],
    ])
    const apart = runsOf(runAt(root) ?? { path: '', name: '', checkpoints: [] })
    expect(apart.map(({ path, checkpoints }) => [path, checkpoints.length])).toEqual([
      [join(root, 'lightning_logs/version_2'), 2],
      [join(root, 'lightning_logs/version_10'), 1],
    ])
  })

  it('of Trainers and of Accelerate are found in the folders of several runs', () => {
    const project = Object.entries(filesOf(accelerate)).map(([name, from]) => [
      `b/checkpoints/checkpoint_0/${name}`,
      from,
    ])
    const last = { 'a/model.safetensors': { from: golden('checkpoint-30/model.safetensors') } }
    const trained = Object.entries(under('checkpoint-30')).map(([name, from]) => [`a/${name}`, from])
    const root = makeFolder('runs', { ...last, ...Object.fromEntries([...project, ...trained]) })
    // A finished run of the Trainer has its last weights beside its checkpoints.
    expect(runAt(root)?.checkpoints.map(({ run, name }) => [run, name])).toEqual([
      ['a', 'checkpoint-30'],
      ['a', 'a'],
      ['b', 'checkpoint_0'],
    ])
  })

  it('are not looked for in environments, in hidden folders, or without end', () => {
    expect(runAt(withFiles('a/venv/lib/model.pt', 'a/.cache/model.pt', 'a/node_modules/model.pt'))).toBeUndefined()
    expect(runAt(withFiles('1/2/3/4/5/6/model.pt'))).toBeUndefined()
  })

  it('are not what a data set is made of', () => {
    expect(runAt(withFiles('project/data/train.bin', 'project/data/meta.pkl', 'project/notes.txt'))).toBeUndefined()
  })
})

describe('files of one folder that are each a checkpoint', () => {
  it.each([
    [['epoch=0-step=10.ckpt', 'epoch=1-step=20.ckpt', 'epoch=1-step=20-v1.ckpt', 'last.ckpt']],
    [['mnist-epoch=02-val_loss=0.32.ckpt', 'mnist-epoch=10-val_loss=0.21.ckpt', 'last.ckpt']],
    [['model_step_100.pt', 'model_step_200.pt']],
    [['model_100.pt', 'model_1000.pt']],
    [['best.pt', 'last.pt']],
    [['model_best.pth.tar', 'checkpoint.pth.tar']],
    [['checkpoint1.pt', 'checkpoint2.pt', 'checkpoint_best.pt', 'checkpoint_last.pt']],
    [['model_0004999.pth', 'model_0009999.pth', 'model_final.pth']],
    [['1epoch.pth', '2epoch.pth', 'valid.acc.best.pth']],
    [['D_100.pth', 'G_100.pth', 'D_200.pth', 'G_200.pth']],
  ])('are a run: %j', (names) => {
    expect(new Set(namesAt(withFiles(...names)))).toEqual(new Set(names))
  })

  it.each([
    [
      ['model_100.pt', 'model_200.pt'],
      ['optimizer_100.pt', 'optimizer_200.pt', 'scheduler_200.pt'],
    ],
    [
      ['model_step_100.pt', 'model_step_200.pt'],
      ['optimizer_step_100.pt', 'optimizer_step_200.pt'],
    ],
    [
      ['100_net.pth', '200_net.pth'],
      ['100_optim.pth', '200_optim.pth'],
    ],
    [['epoch_1.pt', 'epoch_2.pt'], ['optimizer_2.pt']],
    [
      ['model_100.safetensors', 'model_200.safetensors'],
      ['optimizer_100.pt', 'optimizer_200.pt'],
    ],
    [
      ['model_best.pt', 'model_last.pt'],
      ['optimizer_best.pt', 'optimizer_last.pt'],
    ],
  ])('are counted once with what was saved beside them: %j and %j', (models, others) => {
    expect(namesAt(withFiles(...models, ...others))).toEqual(models)
  })

  it('hold what was saved beside them at the same step, and nothing of another', async () => {
    const from = new URL('../../golden/optimizer-zoo-adamw/data/', import.meta.url).pathname
    const files = ['100', '200'].flatMap((step) => [
      [`model_${step}.safetensors`, { from: join(from, 'model.safetensors') }],
      [`optimizer_${step}.pt`, { from: join(from, 'optimizer.pt') }],
    ])
    const root = makeFolder('pairs', Object.fromEntries(files))
    const run = await openPath(root)
    expect(isRun(run) && run.checkpoints.map(({ name }) => name)).toEqual([
      'model_100.safetensors',
      'model_200.safetensors',
    ])
    const checkpoint = await openCheckpoint(join(root, 'model_200.safetensors'))
    expect(checkpoint.files.map(({ path }) => path)).toEqual(['model_200.safetensors', 'optimizer_200.pt'])
    expect(checkpoint.components.find(({ id }) => id === 'optimizer')).toMatchObject({
      status: 'present',
      files: ['optimizer_200.pt'],
    })
    checkpoint.close()
    const part = await openCheckpoint(join(root, 'optimizer_200.pt'))
    expect(part.files.map(({ path }) => path)).toEqual(['optimizer_200.pt'])
    part.close()
  })

  it('come in the order of their numbers, the best and the last after them', () => {
    expect(namesAt(withFiles('last.pt', 'best.pt', 'step_100.pt', 'step_90.pt'))).toEqual([
      'step_90.pt',
      'step_100.pt',
      'best.pt',
      'last.pt',
    ])
  })

  it('leave out other files beside them', () => {
    expect(namesAt(withFiles('epoch_1.pt', 'epoch_2.pt', 'vocab.pt'))).toEqual(['epoch_1.pt', 'epoch_2.pt'])
  })

  it('are counted once where one is a link to another', () => {
    const root = withFiles('epoch=0-step=10.ckpt', 'epoch=1-step=20.ckpt')
    symlinkSync('epoch=1-step=20.ckpt', join(root, 'last.ckpt'))
    expect(namesAt(root)).toEqual(['epoch=0-step=10.ckpt', 'epoch=1-step=20.ckpt'])
  })

  it.each([
    [['model.pt', 'optimizer.pt', 'scheduler.pt']],
    [['model_final.pt', 'optimizer_final.pt']],
    [['model_epoch_5.pt', 'optimizer_epoch_5.pt']],
    [['model_0.pt', 'model_1.pt', 'optimizer_0.pt', 'optimizer_1.pt']],
    [['model.pt', 'model_1.pt', 'optimizer.pt', 'optimizer_1.pt']],
    [['pytorch_model.bin', 'optimizer.pt', 'rng_state.pth']],
    [['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'last.pt', 'best.pt']],
    [['pytorch_model-00001-of-00002.pt', 'pytorch_model-00002-of-00002.pt']],
    [['consolidated.00.pth', 'consolidated.01.pth']],
    [['model_rank0.pt', 'model_rank1.pt']],
    [['step_10_rank0.pt', 'step_10_rank1.pt']],
    [['mp_rank_00_model_states.pt', 'mp_rank_01_model_states.pt']],
    [['layer_1.pt', 'layer_2.pt', 'layer_3.pt']],
    [['model_0.pt', 'model_1.pt']],
    [['generator.pt', 'discriminator.pt']],
    [['model.pt', 'model_ema.pt']],
    [['model.pt', 'training_state.pt']],
    [['epoch_3.pt']],
  ])('are parts of one, or do not tell: %j', (names) => {
    expect(namesAt(withFiles(...names))).toBeUndefined()
  })
})
