import { describe, expect, test } from 'vitest'
import type { Checkpoint } from '../../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { missingTensor } from '../../../../src/core/verify/rules/missing-tensor'
import { shapeMismatch } from '../../../../src/core/verify/rules/shape-mismatch'
import { goldenPath } from '../../../golden/cases'
import { checkpointOf, findingsOf } from '../handmade'

async function gpt2(change: (checkpoint: Checkpoint) => Partial<Checkpoint>): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(goldenPath('trainer-gpt2'))
  checkpoint.close()
  return { ...checkpoint, ...change(checkpoint) }
}

const subjects = async (checkpoint: Checkpoint) =>
  (await findingsOf(missingTensor, checkpoint)).map(({ subject }) => subject)

describe('a model whose architecture is known', () => {
  test('lacks nothing when its tied head is not in the file', async () => {
    expect(await subjects(await gpt2(() => ({})))).toEqual([])
  })

  test('lacks what the config promises, down to a bias', async () => {
    const without = (lost: string) => gpt2(({ tensors }) => ({ tensors: tensors.filter(({ name }) => name !== lost) }))
    for (const name of ['transformer.h.1.mlp.c_fc.bias', 'transformer.wpe.weight', 'transformer.ln_f.weight']) {
      expect(await subjects(await without(name))).toEqual([name])
    }
  })

  test('lacks a head that the config says is not tied', async () => {
    const untied = await gpt2(({ config }) => ({ config: { ...(config as object), tie_word_embeddings: false } }))
    expect(await subjects(untied)).toEqual(['lm_head.weight'])
  })

  test('lacks nothing that stands there in another form', async () => {
    const joined = await gpt2(({ tensors }) => ({
      tensors: tensors.map((each) =>
        each.name === 'transformer.h.0.attn.c_attn.weight'
          ? { ...each, name: 'transformer.h.0.attn.q_attn.weight' }
          : each,
      ),
    }))
    expect(await subjects(joined)).toEqual([])
  })

  test('is not judged when it is quantized or of another architecture', async () => {
    const quantized = await gpt2(({ config, tensors }) => ({
      config: { ...(config as object), quantization_config: {} },
      tensors: tensors.slice(3),
    }))
    expect(await subjects(quantized)).toEqual([])
    const other = await gpt2(({ config, tensors }) => ({
      config: { ...(config as object), architectures: ['MyModel'], model_type: 'mine' },
      tensors: tensors.slice(3),
    }))
    expect(await subjects(other)).toEqual([])
  })

  test('has matrices of the shapes that the config gives', async () => {
    const cut = await gpt2(({ tensors }) => ({
      tensors: tensors.map((each) => (each.name === 'transformer.wte.weight' ? { ...each, shape: [5, 7] } : each)),
    }))
    const [found] = await findingsOf(shapeMismatch, cut)
    expect(found?.message).toContain('transformer.wte.weight has the shape [5, 7]; [')
  })
})

describe('layers of a model that is not known', () => {
  const parts = ['attn.q.weight', 'attn.k.weight', 'mlp.up.weight', 'mlp.down.weight']
  const model = (layers: number, lost: readonly string[]) => {
    const names = Array.from({ length: layers }, (_, i) => parts.map((part) => `net.layers.${i}.${part}`)).flat()
    const tensors = names.filter((name) => !lost.includes(name)).map((name) => ({ name, shape: [4, 4] }))
    return checkpointOf({ tensors })
  }

  test('show what one in their midst lacks', async () => {
    expect(await subjects(model(6, ['net.layers.3.mlp.up.weight']))).toEqual(['net.layers.3.mlp.up.weight'])
  })

  test('may differ at either end, in several places, or where they are few', async () => {
    expect(await subjects(model(6, ['net.layers.0.mlp.up.weight']))).toEqual([])
    expect(await subjects(model(6, ['net.layers.5.mlp.up.weight']))).toEqual([])
    expect(await subjects(model(6, ['net.layers.2.attn.k.weight', 'net.layers.4.attn.k.weight']))).toEqual([])
    expect(await subjects(model(4, ['net.layers.1.mlp.up.weight']))).toEqual([])
  })
})

test('layers by the hundred thousand are compared without comparing each with each', async () => {
  const tensors = Array.from({ length: 150_000 }, (_, i) => ({ name: `layers.${i}.fc.weight`, shape: [1] }))
  tensors.push({ name: 'layers.0.fc.bias', shape: [1] })
  expect(await subjects(checkpointOf({ tensors }))).toEqual([])
})

test('a factor of a LoRA is missed by the other one', async () => {
  const factor = (name: string, shape: number[]) => ({ name, shape, component: 'adapter' as const })
  const whole = [factor('q.lora_A.weight', [2, 8]), factor('q.lora_B.weight', [8, 2])]
  expect(await findingsOf(missingTensor, checkpointOf({ tensors: whole }))).toEqual([])
  const lonely = checkpointOf({
    tensors: [...whole, factor('v.lora_A.weight', [2, 8]), factor('e.lora_embedding_B', [8, 2])],
  })
  expect((await findingsOf(missingTensor, lonely)).map(({ subject }) => subject)).toEqual([
    'v.lora_B.weight',
    'e.lora_embedding_A',
  ])
})

describe('the head of a language model that is known by nothing but its config', () => {
  const table = { name: 'backbone.embeddings.weight', shape: [64, 8] }
  const layer = { name: 'backbone.layers.0.mixer.out_proj.weight', shape: [8, 16] }
  const config = { model_type: 'mine', architectures: ['MineForCausalLM'], vocab_size: 64, tie_word_embeddings: false }
  const told = async (fields: object, tensors = [table, layer]) => {
    const found = await findingsOf(missingTensor, checkpointOf({ tensors, config: { ...config, ...fields } }))
    return found.map(({ subject }) => subject)
  }

  test('is missing where it is not tied to the table of the tokens', async () => {
    expect(await told({})).toEqual(['lm_head.weight'])
    expect(await told({ tie_word_embeddings: true })).toEqual([])
  })

  test('is there under any name, or none of the class', async () => {
    expect(await told({}, [table, layer, { name: 'out.weight', shape: [64, 8] }])).toEqual([])
    expect(await told({}, [table, layer, { name: 'lm_head.0.weight', shape: [32, 8] }])).toEqual([])
    expect(await told({ architectures: ['MineModel'] })).toEqual([])
  })

  test('is not asked for where a part of the model, its own code or a quantizer has the say', async () => {
    expect(await told({ text_config: { model_type: 'other' } })).toEqual([])
    expect(await told({ auto_map: {} })).toEqual([])
  })
})
