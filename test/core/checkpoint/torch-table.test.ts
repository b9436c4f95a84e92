import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Statistics } from '../../../src/core/analysis/kernel'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import type { Tensor } from '../../../src/core/checkpoint/tensor'
import { readBlocks, sha256Of } from '../../../src/core/checkpoint/values'
import { casesLike, goldenPath, type TrueTensor, truthOf } from '../../golden/cases'

const CASES = ['torch-zoo-', 'optimizer-zoo-', 'dictconfig', 'seed-style', 'lightning', 'producer-'].flatMap(casesLike)

/** SGD and LBFGS keep no count of steps: it is known of the case, and not told by the file. */
const UNTOLD = new Set(['optimizer-zoo-lbfgs', 'optimizer-zoo-sgd-momentum', 'optimizer-zoo-sgd-plain'])

async function statisticsOf(tensor: Tensor): Promise<Statistics> {
  const accumulator = referenceKernel.statistics(tensor.dtype)
  for await (const block of readBlocks(tensor)) accumulator.update(block)
  return accumulator.result()
}

/** A truth's statistics say null where there are none; ours NaN or infinite. */
function near(got: number | null, expected: number | string | null, scale: number): boolean {
  if (expected === null) return true
  return got !== null && Math.abs(got - Number(expected)) <= 1e-12 * Math.max(scale, Math.abs(Number(expected)))
}

describe.each(CASES)('%s', async (name) => {
  const truth = truthOf(name)
  const checkpoint = await openCheckpoint(goldenPath(name))
  const weights = checkpoint.tensors.filter(({ component }) => component === 'weights')
  const byName = new Map(weights.map((tensor) => [tensor.name, tensor]))

  it('lists the names, dtypes and shapes of its truth, and no other weights', () => {
    const row = ({ name, dtype, shape }: Pick<TrueTensor, 'name' | 'dtype' | 'shape'>) => `${name} ${dtype} [${shape}]`
    // Truth tells at most 40 tensors of large cases, 60 and 100 in some.
    const complete = truth.tensors.length < 40
    const rows = weights.map(row).filter((_, i) => complete || truth.tensors.some((t) => t.name === weights[i]?.name))
    expect(rows.sort()).toEqual(truth.tensors.map(row).sort())
  })

  it('has the values of its truth, bit for bit', async () => {
    for (const { name: tensor, sha256 } of truth.tensors) {
      expect(await sha256Of(byName.get(tensor) as Tensor), tensor).toBe(sha256)
    }
  })

  it('has the statistics of its truth', async () => {
    for (const expected of truth.tensors) {
      const got = await statisticsOf(byName.get(expected.name) as Tensor)
      expect([got.zeros, got.nan, got.inf], expected.name).toEqual([expected.zeros, expected.nan, expected.inf])
      const scale = Math.max(Math.abs(Number(expected.max ?? 0)), Math.abs(Number(expected.min ?? 0)))
      for (const key of ['min', 'max', 'mean', 'std', 'l2'] as const) {
        expect(near(got[key], expected[key], scale), `${expected.name} ${key} ${got[key]} ${expected[key]}`).toBe(true)
      }
    }
  })

  it('tells the step and the epoch of its truth', () => {
    if (UNTOLD.has(name)) expect(checkpoint.state.step).toBeUndefined()
    else expect(checkpoint.state.step ?? null).toBe(truth.expect.step)
    if (truth.expect.epoch !== null) expect(checkpoint.state.epoch).toBe(truth.expect.epoch)
  })
})

describe('texts in an archive', () => {
  it.each([
    ['torch-zoo-traced', /code\/__torch__\.py$/, 'def forward(self'],
    ['torch-zoo-package', /notes\/read\.txt$/, 'hello'],
    ['torch-zoo-export', /models\/model\.json$/, 'graph_module'],
    ['torch-zoo-state-archive', /^data$/, 'num_timesteps'],
  ])('of %s can be read', async (name, path, content) => {
    const checkpoint = await openCheckpoint(goldenPath(name))
    const text = checkpoint.files[0]?.texts?.find((each) => path.test(each.path))
    expect(await text?.read()).toContain(content)
    checkpoint.close()
  })
})

it('labels say what wrote the file', async () => {
  const labels: Record<string, string> = {}
  for (const name of ['traced', 'export', 'package', 'state-archive', 'tar', 'stream', 'module']) {
    const checkpoint = await openCheckpoint(goldenPath(`torch-zoo-${name}`))
    labels[name] = checkpoint.layoutLabel
    checkpoint.close()
  }
  expect(labels).toEqual({
    traced: 'TorchScript archive',
    export: 'Exported PyTorch program',
    package: 'torch.package archive',
    'state-archive': 'Archive of state files',
    tar: 'PyTorch file of the form before 0.2',
    stream: 'PyTorch file of the form before 1.6',
    module: 'Pickled module (__main__.LocalNet)',
  })
})

it('training dicts are named for their programs', async () => {
  const labels = []
  for (const name of casesLike('producer-')) {
    const checkpoint = await openCheckpoint(goldenPath(name))
    labels.push(`${name.slice('producer-'.length)}: ${checkpoint.layoutLabel}`)
    checkpoint.close()
  }
  expect(labels.sort()).toEqual([
    'composer: PyTorch file',
    'detectron2: Detectron2 checkpoint',
    'fairseq: fairseq checkpoint',
    'gan: PyTorch file',
    'lightning-constant: PyTorch Lightning checkpoint',
    'lightning-fp16: PyTorch Lightning checkpoint',
    'mmengine: MMEngine checkpoint',
    'nanogpt: nanoGPT checkpoint',
    'nnunet: nnU-Net checkpoint',
    'timm: timm checkpoint',
    'ultralytics: Ultralytics checkpoint',
  ])
})

it('a truth is there for every golden case of the table', () => {
  expect(CASES.length).toBeGreaterThan(50)
  for (const name of CASES) expect(readFileSync(join(goldenPath(name, 'truth.json')), 'utf8')).toContain(name)
})
