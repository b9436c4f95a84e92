import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Checkpoint, ComponentId, ComponentStatus, LayoutId } from '../../../src/core/checkpoint/checkpoint'
import { isRun, openCheckpoint, openPath } from '../../../src/core/checkpoint/open'
import { sha256Of } from '../../../src/core/checkpoint/values'
import { placeOf, truthOf } from './cases'

async function open(path: string): Promise<Checkpoint> {
  const checkpoint = await openPath(path)
  if (isRun(checkpoint)) throw new Error(`${path} opened as a run`)
  onTestFinished(() => checkpoint.close())
  return checkpoint
}

function statuses(checkpoint: Checkpoint): Record<ComponentId, ComponentStatus> {
  return Object.fromEntries(checkpoint.components.map(({ id, status }) => [id, status])) as Record<
    ComponentId,
    ComponentStatus
  >
}

const WHOLE: readonly (readonly [string, LayoutId])[] = [
  ['trainer-gpt2', 'trainer'],
  ['trainer-lora', 'trainer'],
  ['trainer-lora-config-missing', 'trainer'],
  ['trainer-lora-weights-missing', 'trainer'],
  ['trainer-lora-only-test-txt', 'unknown'],
  ['damaged-loss-jump', 'trainer'],
  ['damaged-loss-nan', 'trainer'],
  ['accelerate-plain', 'accelerate'],
  ['accelerate-plain-bin', 'accelerate'],
  ['accelerate-ddp2', 'accelerate'],
  ['accelerate-ddp2-rng1-missing', 'accelerate'],
  ['dcp-fsdp2', 'dcp'],
  ['dcp-fsdp2-metadata-missing', 'dcp'],
  ['dcp-fsdp2-shard-missing', 'dcp'],
  ['fsdp-accelerate', 'accelerate'],
  ...['zero2', 'zero2-rank-missing', 'zero3', 'zero3-latest-stale', 'zero3-rank-missing'].map(
    (name) => [name, 'deepspeed'] as const,
  ),
  ['seed-style', 'folder'],
  ['seed-style-weights-only', 'folder'],
  ['sharded', 'folder'],
  ['sharded-missing-shard', 'folder'],
  ['sharded-path-traversal', 'folder'],
  ['sharded-stale-index', 'folder'],
  ['sharded-truncated-shard', 'folder'],
  ['scaler-cpu', 'folder'],
  ...['adafactor', 'adagrad', 'adam', 'adamw', 'adamw-amsgrad', 'adamw-groups', 'adamw-named', 'hf-adafactor', 'lbfgs']
    .concat(['nadam', 'radam', 'rmsprop', 'sgd-momentum', 'sgd-plain'])
    .map((name) => [`optimizer-zoo-${name}`, 'folder'] as const),
  ['dictconfig', 'file'],
  ['dictconfig-namespace', 'file'],
  ...[
    'bloat',
    'compiled',
    'compiled-ddp',
    'dtypes',
    'dtypes-legacy',
    'ema',
    'empty',
    'legacy',
    'metadata',
    'model-and-ema',
  ]
    .concat(['module', 'parameters', 'protocol4', 'protocol5', 'quantized', 'sparse', 'tied', 'torchscript', 'views'])
    .map((name) => [`torch-zoo-${name}`, 'file'] as const),
  ['damaged-healthy-st', 'file'],
  ['damaged-healthy-zip', 'file'],
]

describe('a checkpoint of the corpus', () => {
  it.each(WHOLE)('%s opens as %s with the components of the truth', async (name, layout) => {
    const checkpoint = await open(placeOf(name))
    expect(checkpoint.layout).toBe(layout)
    expect(statuses(checkpoint)).toEqual(truthOf(name).expect.components)
  })
})

/** Weights by name as the truth names them: the second model of the Accelerate cases is `critic` there. */
function weightsOf(checkpoint: Checkpoint) {
  return checkpoint.tensors
    .filter(({ component }) => component === 'weights' || component === 'adapter')
    .map((tensor) => ({
      ...tensor,
      name: /_1\.(safetensors|bin)$/.test(tensor.file) ? `critic.${tensor.name}` : tensor.name,
    }))
}

/** torch-zoo-sparse is told by its dense form, quantized dtypes by their integers: those are told apart below. */
const TENSORS = WHOLE.map(([name]) => name).filter(
  (name) => !/sparse|quantized|only-test-txt|metadata-missing|zero[23]|weights-missing|zoo-empty/.test(name),
)

describe('the tensors of a checkpoint', () => {
  it.each(TENSORS)('%s: names, dtypes and shapes are those of the truth', async (name) => {
    const checkpoint = await open(placeOf(name))
    const brief = (t: { name: string; dtype: string; shape: readonly number[] }) => `${t.name} ${t.dtype} [${t.shape}]`
    const truth = truthOf(name).tensors.map(brief).sort()
    const found = weightsOf(checkpoint).map(brief).sort()
    if (name === 'sharded-missing-shard' || name === 'sharded-path-traversal')
      expect(found).toEqual(expect.arrayContaining(truth))
    else expect(found).toEqual(truth)
  })

  it.each([
    'torch-zoo-views',
    'torch-zoo-dtypes',
    'torch-zoo-dtypes-legacy',
    'torch-zoo-module',
    'torch-zoo-tied',
    'torch-zoo-legacy-float8',
    'dcp-fsdp2',
    'fsdp-accelerate',
  ])('%s: the values are where the blocks say', async (name) => {
    const checkpoint = await open(placeOf(name))
    const truth = new Map(truthOf(name).tensors.map((t) => [t.name, t.sha256]))
    const found = await Promise.all(weightsOf(checkpoint).map(async (t) => [t.name, await sha256Of(t)] as const))
    expect(new Map(found)).toEqual(truth)
  })

  it('shares one storage between tied tensors', async () => {
    const { tensors } = await open(placeOf('torch-zoo-tied'))
    const key = (name: string) => tensors.find((t) => t.name === name)?.storage?.key
    expect(key('embed.weight')).toBe(key('lm_head.weight'))
    expect(key('mid.weight')).not.toBe(key('embed.weight'))
  })

  it('tells the whole storage of a small view', async () => {
    const { tensors } = await open(placeOf('torch-zoo-bloat'))
    expect(tensors[0]?.storage?.byteLength).toBe(4 << 20)
  })

  it('keeps moments, random states and weights of one file apart', async () => {
    const { tensors } = await open(placeOf('dictconfig'))
    const names = (component: ComponentId) => tensors.filter((t) => t.component === component).map((t) => t.name)
    expect(names('optimizer')).toContain('optimizer_state_dict.state.0.exp_avg')
    expect(names('rng')).toEqual(['torch_rng_state'])
    expect(names('trainer')).toEqual(['best_val_loss'])
    expect(names('weights')).not.toContain('best_val_loss')
  })
})

describe('the training state', () => {
  const TOLD = WHOLE.map(([name]) => name).filter((name) => !/zoo-sgd|zoo-lbfgs|model-and-ema/.test(name))
  it.each(TOLD)('%s: step and epoch are those of the truth', async (name) => {
    const { state } = await open(placeOf(name))
    const { step, epoch } = truthOf(name).expect
    expect({ step: state.step ?? null, epoch: state.epoch ?? null }).toEqual({ step, epoch })
  })

  it.each([
    'trainer-gpt2',
    'trainer-lora',
    'accelerate-plain',
    'accelerate-ddp2',
    'accelerate-ddp2-rng1-missing',
    'seed-style',
    'dictconfig',
    'dcp-fsdp2',
    'dcp-fsdp2-metadata-missing',
    'dcp-fsdp2-shard-missing',
    'fsdp-accelerate',
    'zero2',
    'zero2-rank-missing',
    'zero3-rank-missing',
  ])('%s: the number of processes is that of the truth', async (name) => {
    const { state } = await open(placeOf(name))
    expect(state.worldSize).toBe(truthOf(name).expect.world_size)
  })

  it('compares the counts of Trainer, optimizer, scheduler and folder', async () => {
    const { state } = await open(placeOf('trainer-gpt2'))
    expect(state.counters.map(({ source, value }) => [source, value]).sort()).toEqual([
      ['folder name', 30],
      ['optimizer.step', 30],
      ['scheduler.last_epoch', 30],
      ['trainer_state.global_step', 30],
    ])
  })

  it('reads groups and moments of AdamW', async () => {
    const { state } = await open(placeOf('trainer-gpt2'))
    const optimizer = state.optimizers[0]
    expect(optimizer?.groups).toHaveLength(2)
    expect(optimizer?.groups[0]?.weightDecay).toBeGreaterThanOrEqual(0)
    expect(optimizer?.groups[0]?.hyper).toMatchObject({ betas: [0.9, 0.999], eps: 1e-8 })
    const first = optimizer?.parameters[0]
    expect(Object.keys(first?.tensors ?? {}).sort()).toEqual(['exp_avg', 'exp_avg_sq', 'step'])
    expect(first?.tensors.exp_avg?.name).toBe('state.0.exp_avg')
    expect(optimizer?.step).toBe(30)
  })

  it('keeps the names of named parameters', async () => {
    const { state } = await open(placeOf('optimizer-zoo-adamw-named'))
    expect(state.optimizers[0]?.groups[0]?.names?.length).toBe(state.optimizers[0]?.groups[0]?.params.length)
  })

  it('knows the generators and finds none malformed', async () => {
    for (const name of ['trainer-gpt2', 'accelerate-plain', 'seed-style', 'dictconfig']) {
      const { state } = await open(placeOf(name))
      expect(state.rng.map(({ generators, malformed }) => ({ generators: [...generators].sort(), malformed }))).toEqual(
        [{ generators: ['numpy', 'python', 'torch'], malformed: undefined }],
      )
    }
  })

  it('says which random state is missing and what betrays it', async () => {
    const checkpoint = await open(placeOf('accelerate-ddp2-rng1-missing'))
    const rng = checkpoint.components.find(({ id }) => id === 'rng')
    expect(rng?.note).toMatch(/random_states_1\.pkl is not here.*24.*12/)
  })

  it('keeps the losses of a script and of a registered object', async () => {
    const script = await open(placeOf('seed-style'))
    expect(script.state.records.find(({ component }) => component === 'trainer')?.value).toMatchObject({
      global_step: 24,
      epoch_losses: expect.any(Array),
    })
    const accelerate = await open(placeOf('accelerate-plain'))
    expect(accelerate.state.records.find(({ component }) => component === 'custom')?.value).toMatchObject({
      loss_history: expect.any(Array),
    })
  })

  it('unwraps the config that a script embeds', async () => {
    const { config } = await open(placeOf('dictconfig'))
    expect(config).toMatchObject({ model: { n_layer: 2 }, optim: { betas: [0.9, 0.95] } })
  })
})

describe('a run', () => {
  it('lists checkpoints by number, not by text', async () => {
    const run = await openPath(placeOf('trainer-lora', 'data'))
    expect(isRun(run) && run.checkpoints.map(({ name, step }) => [name, step])).toEqual([
      ['checkpoint-5', 5],
      ['checkpoint-10', 10],
    ])
  })

  it('finds the checkpoints of a project folder', async () => {
    const run = await openPath(placeOf('accelerate-plain', 'data'))
    expect(isRun(run) && run.checkpoints.map(({ name, step }) => [name, step])).toEqual([
      ['checkpoint_0', undefined],
      ['checkpoint_1', undefined],
      ['checkpoint_2', undefined],
    ])
  })

  it('takes sub-folders that hold checkpoints for a run', async () => {
    const run = await openPath(placeOf('flattened', 'data'))
    expect(isRun(run) && run.checkpoints.map(({ name }) => name)).toEqual(['checkpoint', 'reference'])
  })

  it('is opened as the checkpoint it is when that is asked for', async () => {
    const checkpoint = await openCheckpoint(placeOf('trainer-lora', 'data'))
    onTestFinished(() => checkpoint.close())
    expect(checkpoint.layout).toBe('unknown')
  })

  it('refuses a path where nothing is', async () => {
    await expect(openPath(placeOf('trainer-lora', 'nowhere'))).rejects.toMatchObject({ code: 'file/unreadable' })
  })
})

describe('a file by itself', () => {
  it('counts the ranks beside it and takes the config beside it', async () => {
    const checkpoint = await open(placeOf('rank-shard'))
    expect(checkpoint.state.worldSize).toBe(4)
    expect(statuses(checkpoint)).toMatchObject({ weights: 'present', config: 'present' })
  })

  it('is opened through a link', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-open-'))
    symlinkSync(placeOf('damaged-healthy-st'), join(folder, 'linked.safetensors'))
    const checkpoint = await open(join(folder, 'linked.safetensors'))
    expect(checkpoint.tensors).toHaveLength(5)
  })

  it('is an optimizer when that is what it holds', async () => {
    const checkpoint = await open(placeOf('optimizer-zoo-adamw', 'data/optimizer.pt'))
    expect(statuses(checkpoint)).toMatchObject({ weights: 'not-applicable', optimizer: 'present' })
  })
})

describe('shards and their index', () => {
  const findings = async (name: string) =>
    (await open(placeOf(name))).findings.map(({ rule, subject }) => `${rule} ${subject}`)

  it('finds nothing wrong with a sound index', async () => {
    expect(await findings('sharded')).toEqual([])
  })
  it('names a shard that is not there', async () => {
    expect(await findings('sharded-missing-shard')).toEqual(['weights/missing-shard model-00002-of-00004.safetensors'])
  })
  it('names a tensor that its shard lacks, and a wrong total', async () => {
    expect(await findings('sharded-stale-index')).toEqual([
      'weights/stale-index model.layers.2.mlp.up_proj.weight',
      'weights/stale-index model.safetensors.index.json',
    ])
  })
  it('refuses a shard outside the folder', async () => {
    expect(await findings('sharded-path-traversal')).toContain('file/path-escape ../../etc/passwd')
  })
  it('says which tensors of a cut shard are lost', async () => {
    const checkpoint = await open(placeOf('sharded-truncated-shard'))
    const truncated = checkpoint.findings.find(({ rule }) => rule === 'file/truncated')
    expect(truncated?.subject).toBe('model-00004-of-00004.safetensors')
    expect(truncated?.evidence).toMatchObject({ lost: expect.any(Number), intact: expect.any(Number) })
  })
  it('misses the index of shards that stand alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-open-'))
    symlinkSync(
      placeOf('sharded', 'data/model-00001-of-00004.safetensors'),
      join(folder, 'model-00001-of-00004.safetensors'),
    )
    const checkpoint = await open(folder)
    expect(checkpoint.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'weights/stale-index model.safetensors.index.json',
      'weights/missing-shard model-00002-of-00004.safetensors',
      'weights/missing-shard model-00003-of-00004.safetensors',
      'weights/missing-shard model-00004-of-00004.safetensors',
    ])
  })
})

const manyShards = () => Array.from({ length: 6000 }, (_, i) => [`t${i}`, `model-${i}.safetensors`])

describe('an index that lies', () => {
  it.each([
    ['is cut', '{"weight_map": '],
    ['is no object', '[]'],
    ['has no map', '{}'],
    ['names shards beyond all measure', JSON.stringify({ weight_map: Object.fromEntries(manyShards()) })],
  ])('is a finding when it %s, and the weights are missing', async (_, content) => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-open-'))
    writeFileSync(join(folder, 'model.safetensors.index.json'), content)
    const checkpoint = await open(folder)
    expect(checkpoint.findings.map(({ rule }) => rule)).toEqual(['file/bad-header'])
    expect(statuses(checkpoint).weights).toBe('missing')
  })
})

it('a link whose file was cleaned away is named, and the rest is opened', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-links-'))
  writeFileSync(join(folder, 'config.json'), '{}')
  symlinkSync(join(folder, 'gone'), join(folder, 'model.safetensors'))
  symlinkSync('circle.pt', join(folder, 'circle.pt'))
  symlinkSync('/nowhere', join(folder, '.lock'))
  const { findings } = await open(folder)
  expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
    'file/unreadable circle.pt',
    'file/unreadable model.safetensors',
  ])
})
