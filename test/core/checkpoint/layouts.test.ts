import { relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Checkpoint, Component, ComponentId } from '../../../src/core/checkpoint/checkpoint'
import { isRun, openPath } from '../../../src/core/checkpoint/open'
import { surest } from '../../../src/core/checkpoint/training/counters'
import { opened, placeOf } from './cases'
import { filesOf, makeFolder } from './folders'

function component({ components }: Checkpoint, id: ComponentId): Component {
  return components.find((each) => each.id === id) as Component
}

const LFS = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`
const model = { from: placeOf('damaged-healthy-st') }

describe('an Accelerate folder', () => {
  const plain = placeOf('accelerate-plain')

  it('misses the scheduler when the optimizer shows that there was one', async () => {
    const checkpoint = await opened(makeFolder('state', filesOf(plain, ['scheduler.bin'])))
    expect(component(checkpoint, 'scheduler')).toMatchObject({ status: 'missing', note: /initial_lr/ })
  })

  it('asks for no scheduler when nothing shows that there was one', async () => {
    const optimizer = { from: placeOf('optimizer-zoo-adamw', 'data/optimizer.pt') }
    const checkpoint = await opened(
      makeFolder('state', { ...filesOf(plain, ['scheduler.bin', 'optimizer.bin']), 'optimizer.bin': optimizer }),
    )
    expect(component(checkpoint, 'scheduler').status).toBe('not-applicable')
  })

  it('misses the rank in the middle', async () => {
    const rng = { from: placeOf('accelerate-plain', 'data/checkpoints/checkpoint_2/random_states_0.pkl') }
    const checkpoint = await opened(makeFolder('state', { ...filesOf(plain), 'random_states_2.pkl': rng }))
    expect(checkpoint.state.worldSize).toBe(3)
    expect(component(checkpoint, 'rng')).toMatchObject({ status: 'missing', note: /random_states_1\.pkl is not here/ })
  })

  it('takes a stale optimizer for no proof of more processes', async () => {
    const ddp = filesOf(placeOf('accelerate-ddp2', 'data/checkpoints/checkpoint_2'))
    const stale = { from: placeOf('accelerate-plain', 'data/checkpoints/checkpoint_0/optimizer.bin') }
    const checkpoint = await opened(makeFolder('state', { ...ddp, 'optimizer.bin': stale }))
    expect(component(checkpoint, 'rng').note).toMatch(/either 6 processes trained, or the optimizer is of an earlier/)
  })

  it('misses a model whose number is skipped', async () => {
    const checkpoint = await opened(makeFolder('state', filesOf(plain, ['model.safetensors'])))
    expect(checkpoint.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'weights/missing-shard model.safetensors',
    ])
  })

  it('reads a model saved in both forms once', async () => {
    const bin = { from: placeOf('accelerate-plain-bin', 'data/checkpoints/checkpoint_2/pytorch_model.bin') }
    const checkpoint = await opened(makeFolder('state', { ...filesOf(plain), 'pytorch_model.bin': bin }))
    expect(checkpoint.files.map(({ path }) => path)).not.toContain('pytorch_model.bin')
  })
})

describe('an Accelerate folder with two of each', () => {
  const files = filesOf(placeOf('accelerate-samplers'))

  it('keeps them in the order in which they were prepared', async () => {
    const checkpoint = await opened(makeFolder('state', files))
    expect(component(checkpoint, 'optimizer').files).toEqual(['optimizer.bin', 'optimizer_1.bin'])
    expect(component(checkpoint, 'scheduler').files).toEqual(['scheduler.bin', 'scheduler_1.bin'])
    expect(component(checkpoint, 'custom').files).toEqual(['custom_checkpoint_0.pkl', 'custom_checkpoint_1.pkl'])
  })

  it('shows the samplers, each pickled whole with its seed', async () => {
    const checkpoint = await opened(makeFolder('state', files))
    expect(component(checkpoint, 'sampler')).toMatchObject({
      status: 'present',
      files: ['sampler.bin', 'sampler_1.bin'],
    })
    const told = checkpoint.state.records.filter(({ component: of }) => of === 'sampler')
    expect(JSON.stringify(told.map(({ value }) => value))).toMatch(/"initial_seed":7.*"initial_seed":7/)
  })
})

describe('one part in a file by itself', () => {
  it.each([
    ['accelerate-samplers', 'data/sampler.bin', 'sampler'],
    ['accelerate-samplers', 'data/optimizer_1.bin', 'optimizer'],
    ['accelerate-samplers', 'data/scheduler.bin', 'scheduler'],
    ['trainer-gpt2', 'data/checkpoint-30/rng_state.pth', 'rng'],
  ] as const)('is not missed its other parts: %s/%s', async (name, path, id) => {
    const checkpoint = await opened(placeOf(name, path))
    expect(component(checkpoint, id).status).toBe('present')
    expect(checkpoint.components.filter(({ status }) => status === 'missing')).toEqual([])
  })
})

describe('a Trainer folder', () => {
  const gpt2 = placeOf('trainer-gpt2')

  it.each([
    ['optimizer.pt', 'optimizer'],
    ['scheduler.pt', 'scheduler'],
    ['rng_state.pth', 'rng'],
    ['trainer_state.json', 'trainer'],
    ['config.json', 'config'],
    ['model.safetensors', 'weights'],
  ] as const)('without %s misses its %s and says what was looked for', async (file, id) => {
    const checkpoint = await opened(makeFolder('checkpoint-30', filesOf(gpt2, [file])))
    expect(checkpoint.layout).toBe('trainer')
    expect(component(checkpoint, id)).toMatchObject({
      status: 'missing',
      files: [],
      note: expect.stringContaining(file),
    })
  })

  it('of several processes misses the ranks that wrote nothing', async () => {
    const rng = { from: placeOf('trainer-gpt2', 'data/checkpoint-30/rng_state.pth') }
    const checkpoint = await opened(
      makeFolder('checkpoint-30', { ...filesOf(gpt2, ['rng_state.pth']), 'rng_state_0.pth': rng }),
    )
    expect(component(checkpoint, 'rng')).toMatchObject({ status: 'missing', note: /rng_state_1\.pth is not here/ })
  })

  it('whose optimizer.pt is no optimizer has a damaged optimizer', async () => {
    const stranger = { from: placeOf('trainer-gpt2', 'data/checkpoint-30/scheduler.pt') }
    const checkpoint = await opened(makeFolder('checkpoint-30', { ...filesOf(gpt2), 'optimizer.pt': stranger }))
    expect(component(checkpoint, 'optimizer')).toMatchObject({
      status: 'damaged',
      note: 'optimizer.pt is not what an optimizer saves: state and param_groups',
    })
  })

  it('whose scheduler.pt is an empty dict has a damaged scheduler', async () => {
    const empty = { from: placeOf('torch-zoo-empty') }
    const checkpoint = await opened(makeFolder('checkpoint-30', { ...filesOf(gpt2), 'scheduler.pt': empty }))
    expect(component(checkpoint, 'scheduler')).toMatchObject({ status: 'damaged', note: 'scheduler.pt holds nothing' })
  })

  it('takes the step from the name when nothing else tells it', async () => {
    const { state } = await opened(
      makeFolder('checkpoint-30', { 'training_args.bin': filesOf(gpt2)['training_args.bin'] ?? '' }),
    )
    expect(state.step).toBe(30)
  })

  it('knows an interrupted save by its sentinel and by its name', async () => {
    const sentinel = await opened(makeFolder('checkpoint-30', { ...filesOf(gpt2), 'checkpoint-is-incomplete.txt': '' }))
    const named = await opened(makeFolder('tmp-checkpoint-30', filesOf(gpt2)))
    for (const { findings } of [sentinel, named]) {
      expect(findings.map(({ rule }) => rule)).toEqual(['trainer/incomplete-save'])
    }
  })

  it('finds pointers where the tokenizer and the config belong', async () => {
    const files = filesOf(gpt2, ['tokenizer.json', 'config.json'])
    const checkpoint = await opened(
      makeFolder('checkpoint-30', { ...files, 'tokenizer.json': LFS, 'config.json': LFS }),
    )
    expect(component(checkpoint, 'tokenizer').status).toBe('damaged')
    expect(component(checkpoint, 'config').status).toBe('damaged')
    expect(checkpoint.findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual([
      'file/not-downloaded config.json',
      'file/not-downloaded tokenizer.json',
    ])
  })

  it('that ends inside trainer_state.json has a damaged trainer state', async () => {
    const files = filesOf(gpt2, ['trainer_state.json'])
    const checkpoint = await opened(
      makeFolder('checkpoint-30', { ...files, 'trainer_state.json': '{"global_step": 30, "log' }),
    )
    expect(component(checkpoint, 'trainer').status).toBe('damaged')
    expect(checkpoint.findings.map(({ rule }) => rule)).toEqual(['file/bad-header'])
  })
})

describe('a state that lies deeper in its file than the Trainer looks', () => {
  it.each(['optimizer', 'scheduler'] as const)('is none of its %s', async (id) => {
    const inner = { from: placeOf('seed-style', 'data/training_state.pt') }
    const files = filesOf(placeOf('trainer-gpt2', 'data/checkpoint-30'))
    const checkpoint = await opened(makeFolder('checkpoint-30', { ...files, [`${id}.pt`]: inner }))
    expect(component(checkpoint, id)).toMatchObject({ status: 'damaged', note: /under another key/ })
  })
})

describe('an adapter by itself', () => {
  it('needs no weights and no config of its own', async () => {
    const whole = filesOf(placeOf('trainer-lora'))
    const checkpoint = await opened(
      makeFolder('adapter', {
        'adapter_config.json': whole['adapter_config.json'] ?? '',
        'adapter_model.safetensors': whole['adapter_model.safetensors'] ?? '',
      }),
    )
    expect(checkpoint.layout).toBe('peft')
    expect(component(checkpoint, 'adapter').status).toBe('present')
    expect(component(checkpoint, 'weights').status).toBe('not-applicable')
    expect(checkpoint.config).toMatchObject({ peft_type: 'LORA' })
    expect(checkpoint.tensors.every((tensor) => tensor.component === 'adapter')).toBe(true)
  })

  it('without tensors is empty', async () => {
    const empty = '\u0008\0\0\0\0\0\0\0{}      '
    const checkpoint = await opened(
      makeFolder('adapter', { 'adapter_config.json': '{"peft_type":"LORA"}', 'adapter_model.safetensors': empty }),
    )
    expect(checkpoint.findings.map(({ rule }) => rule)).toEqual(['adapter/empty'])
  })
})

describe('a folder that a script wrote', () => {
  it('reads the file that loaders prefer and says which it passes over', async () => {
    const bin = { from: placeOf('damaged-healthy-zip') }
    const checkpoint = await opened(makeFolder('model', { 'model.safetensors': model, 'pytorch_model.bin': bin }))
    expect(checkpoint.files.map(({ path }) => path)).toEqual(['model.safetensors'])
    expect(component(checkpoint, 'weights').note).toMatch(/pytorch_model\.bin not read/)
  })

  it('leaves other forms of the same weights closed', async () => {
    const form = { from: placeOf('damaged-healthy-st') }
    const checkpoint = await opened(
      makeFolder('model', { 'model.safetensors': model, 'consolidated.safetensors': form, 'openvino_model.bin': 'x' }),
    )
    expect(checkpoint.files.map(({ path }) => path)).toEqual(['model.safetensors'])
    expect(checkpoint.findings).toEqual([])
  })

  it('is known by its absolute path wherever the process is', async () => {
    const folder = makeFolder('model', { 'model.safetensors': model })
    const checkpoint = await opened(relative(process.cwd(), folder))
    expect(checkpoint.path).toBe(folder)
  })

  it('asks for a config where other files of its kin are', async () => {
    const kin = await opened(makeFolder('model', { 'model.safetensors': model, 'generation_config.json': '{}' }))
    expect(component(kin, 'config').status).toBe('missing')
    const bare = await opened(makeFolder('model', { 'model.safetensors': model }))
    expect(component(bare, 'config').status).toBe('not-applicable')
  })

  it('knows an optimizer whatever the file is called', async () => {
    const adam = { from: placeOf('optimizer-zoo-adam', 'data/optimizer.pt') }
    const checkpoint = await opened(makeFolder('model', { 'model.safetensors': model, 'extra.pt': adam }))
    expect(component(checkpoint, 'optimizer')).toMatchObject({ status: 'present', files: ['extra.pt'] })
  })
})

describe('a folder of Megatron-LM', () => {
  const state = { from: placeOf('producer-nanogpt') }

  it('on one rank is read whole', async () => {
    const checkpoint = await opened(makeFolder('iter_0000100', { 'mp_rank_00/model_optim_rng.pt': state }))
    expect(checkpoint).toMatchObject({ layout: 'megatron', findings: [] })
    for (const id of ['weights', 'optimizer'] as const) {
      expect(component(checkpoint, id)).toMatchObject({ status: 'present', files: ['mp_rank_00/model_optim_rng.pt'] })
    }
  })

  it('on several ranks is listed, and not vouched for', async () => {
    const checkpoint = await opened(
      makeFolder('iter_0000100', {
        'mp_rank_00_000/model_optim_rng.pt': state,
        'mp_rank_01_000/model_optim_rng.pt': state,
      }),
    )
    expect(checkpoint.layoutLabel).toBe('Megatron-LM checkpoint of 2 ranks')
    expect(checkpoint.findings.map(({ rule }) => rule)).toEqual(['file/unknown-format'])
    expect(new Set(checkpoint.tensors.map(({ file }) => file)).size).toBe(2)
  })
})

describe('a folder of another framework', () => {
  it.each([
    ['Megatron', { 'latest_checkpointed_iteration.txt': '100' }],
    ['Orbax', { _CHECKPOINT_METADATA: '{}' }],
    ['TensorFlow', { 'model.data-00000-of-00001': 'x' }],
    ['a TensorFlow SavedModel', { 'saved_model.pb': 'x' }],
  ])('of %s is named, not guessed at', async (what, files) => {
    const checkpoint = await opened(makeFolder('save', files as Record<string, string>))
    expect(checkpoint.layout).toBe('unknown')
    expect(checkpoint.findings).toMatchObject([
      { rule: 'file/unknown-format', subject: 'save', message: expect.stringContaining(what) },
    ])
  })

  it.each(['keras-h5', 'onnx-raw', 'flax-params', 'gguf-llama'])('%s alone in it is opened', async (name) => {
    const checkpoint = await opened(placeOf(name, 'data'))
    expect(component(checkpoint, 'weights')).toMatchObject({ status: 'present' })
    expect(checkpoint.tensors.length).toBeGreaterThan(3)
  })

  it('or of nothing known is said to hold nothing', async () => {
    const checkpoint = await opened(makeFolder('empty', {}))
    expect(checkpoint.layout).toBe('unknown')
    expect(component(checkpoint, 'weights')).toMatchObject({ status: 'missing', note: /is empty/ })
  })
})

describe('a folder of numbered files', () => {
  it('is a run in the order of the steps', async () => {
    const file = { from: placeOf('torch-zoo-legacy') }
    const run = await openPath(
      makeFolder('checkpoints', { 'epoch=9-step=90.ckpt': file, 'epoch=10-step=100.ckpt': file, 'last.ckpt': file }),
    )
    expect(isRun(run) && run.checkpoints.map(({ name, step }) => [name, step])).toEqual([
      ['epoch=9-step=90.ckpt', 90],
      ['epoch=10-step=100.ckpt', 100],
      ['last.ckpt', undefined],
    ])
  })

  it('with a model of its own is that model', async () => {
    const root = makeFolder('out', {
      'model.safetensors': model,
      'checkpoint-10/trainer_state.json': '{"global_step": 10}',
    })
    const found = await openPath(root)
    expect(isRun(found)).toBe(false)
    if (!isRun(found)) found.close()
  })
})

describe('a folder of the Trainer under another name', () => {
  const files = filesOf(placeOf('trainer-gpt2', 'data/checkpoint-10'), ['trainer_state.json'])

  it('is known by what only the Trainer writes, and misses its state', async () => {
    const checkpoint = await opened(makeFolder('copy', files))
    expect(checkpoint.layout).toBe('trainer')
    expect(component(checkpoint, 'trainer')).toMatchObject({ status: 'missing', note: /No trainer_state.json/ })
  })

  it('with nothing but the arguments beside the model is a model that was saved', async () => {
    const { 'optimizer.pt': _, 'rng_state.pth': __, ...saved } = files
    expect((await opened(makeFolder('out', saved))).layout).toBe('folder')
  })
})

describe('the step of a file that tells none', () => {
  const counters = [{ source: 'scheduler.last_epoch', file: 'a.pt', value: 3 }]

  it('is the count of its scheduler, unless that goes with the epochs', () => {
    expect(surest(counters, { processes: 1 })).toBe(3)
    expect(surest(counters, { processes: 1, epoch: 40 })).toBe(3)
    expect(surest(counters, { processes: 1, epoch: 3 })).toBeUndefined()
    expect(surest(counters, { processes: 2 })).toBeUndefined()
  })
})

describe('numbers in names', () => {
  it('of any size neither hang nor flood', async () => {
    const folder = makeFolder('state', {
      ...filesOf(placeOf('accelerate-plain')),
      'model_99999999999.safetensors': model,
      'random_states_99999999999.pkl': {
        from: placeOf('accelerate-plain', 'data/checkpoints/checkpoint_0/random_states_0.pkl'),
      },
    })
    const { findings } = await opened(folder)
    const missing = findings.filter(({ rule }) => rule === 'weights/missing-shard')
    expect(missing.length).toBeGreaterThan(0)
    expect(missing.length).toBeLessThanOrEqual(50)
  })
})
