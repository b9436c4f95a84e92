import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { isRun, openPath } from '../../../src/core/checkpoint/open'
import { verify } from '../../../src/core/verify/verify'
import { goldenPath } from '../../golden/cases'
import { scratchFolders } from '../bytes/scratch'

const scratch = scratchFolders()

/** As `DiffusionPipeline.save_pretrained` lays a pipeline out, with models of another kind in it. */
function pipeline(): string {
  const root = join(scratch(), 'pipeline')
  const write = (path: string, json: object) => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), JSON.stringify(json))
  }
  write('model_index.json', {
    _class_name: 'StableDiffusionPipeline',
    _diffusers_version: '0.35.1',
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
    text_encoder: ['transformers', 'CLIPTextModel'],
    tokenizer: ['transformers', 'CLIPTokenizer'],
    scheduler: ['diffusers', 'PNDMScheduler'],
    safety_checker: [null, null],
    requires_safety_checker: false,
  })
  write('unet/config.json', { _class_name: 'UNet2DConditionModel' })
  write('vae/config.json', { _class_name: 'AutoencoderKL' })
  write('scheduler/scheduler_config.json', { _class_name: 'PNDMScheduler' })
  write('tokenizer/vocab.json', {})
  const weights = goldenPath('damaged-healthy-st')
  for (const part of ['unet', 'vae']) {
    copyFileSync(weights, join(root, part, 'diffusion_pytorch_model.safetensors'))
  }
  const sharded = goldenPath('sharded')
  for (const file of readdirSync(sharded)) cpSync(join(sharded, file), join(root, 'text_encoder', file))
  return root
}

async function opened(root: string) {
  const checkpoint = await openPath(root)
  if (isRun(checkpoint)) throw new Error('It is a run')
  const { verdict, findings, components } = await verify(checkpoint, { kernel: referenceKernel })
  checkpoint.close()
  const errors = findings.filter(({ severity }) => severity === 'error').map(({ rule, subject }) => [rule, subject])
  return { checkpoint, verdict, errors, components }
}

test('a pipeline is one checkpoint of several models, and no run', async () => {
  const { checkpoint, verdict, errors, components } = await opened(pipeline())
  expect(checkpoint.layoutLabel).toBe('Diffusers pipeline (StableDiffusionPipeline), 3 models')
  expect(verdict).toBe('partial')
  expect(errors).toEqual([])
  expect(new Set(checkpoint.tensors.map(({ file }) => file.split('/')[0]))).toEqual(
    new Set(['unet', 'vae', 'text_encoder']),
  )
  expect(checkpoint.tensors.every(({ blocks }) => blocks.length > 0)).toBe(true)
  const status = Object.fromEntries(components.map((each) => [each.id, each.status]))
  expect(status).toMatchObject({ weights: 'present', config: 'present', tokenizer: 'present' })
})

test('a model that the index names and nobody saved is missed', async () => {
  const root = pipeline()
  rmSync(join(root, 'vae/diffusion_pytorch_model.safetensors'))
  rmSync(join(root, 'tokenizer'), { recursive: true })
  const { verdict, errors, components } = await opened(root)
  expect(errors).toEqual([['weights/missing-shard', 'vae']])
  expect(verdict).toBe('broken')
  expect(components.find(({ id }) => id === 'tokenizer')?.status).toBe('missing')
})

test('a shard that is missing in a folder of the pipeline is told with its folder', async () => {
  const root = pipeline()
  const shard = readdirSync(join(root, 'text_encoder')).find((name) => /-00002-of-/.test(name)) as string
  rmSync(join(root, 'text_encoder', shard))
  expect((await opened(root)).errors).toEqual([['weights/missing-shard', `text_encoder/${shard}`]])
})
