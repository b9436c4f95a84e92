import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { memorySource } from '../../../src/core/bytes/source'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { recognise } from '../../../src/core/checkpoint/recognise'
import { history } from '../../../src/core/history/history'
import { goldenPath, truthOf } from '../../golden/cases'

const folder = mkdtempSync(join(tmpdir(), 'named-'))
afterAll(() => rmSync(folder, { recursive: true }))

const names = Object.entries((truthOf('foreign') as unknown as { names: Record<string, string> }).names)
const bytes = (...parts: (string | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))))
const messageOf = async (content: Uint8Array) => (await recognise(memorySource('x', content))).finding?.message

async function findingsOf(path: string) {
  const checkpoint = await openCheckpoint(path)
  const { findings, components, layoutLabel, tensors } = checkpoint
  checkpoint.close()
  return { findings, components, layoutLabel, tensors }
}

describe('a file of another framework', () => {
  it.each(names)('%s is called %s, with what opens it, under any name', async (file, what) => {
    const renamed = join(folder, 'model.safetensors')
    copyFileSync(goldenPath('foreign', `data/${file}`), renamed)
    const { findings, tensors, layoutLabel } = await findingsOf(renamed)
    expect(tensors).toEqual([])
    expect(`a ${layoutLabel}`).toContain(what.replace(/^an? /, ''))
    expect(findings).toMatchObject([{ rule: 'file/unknown-format' }])
    expect(findings[0]?.message).toMatch(new RegExp(`^model\\.safetensors is ${what}.*; .* opens? it`))
  })

  it.each([
    ['a TensorFlow Lite model', bytes(0x1c, 0, 0, 0, 'TFL3', 0, 0, 0, 0)],
    ['a TensorFlow SavedModel', bytes(0x08, 1, 0x12, 4, 0x0a, 2, 0x12, 0)],
    ['a Core ML model', bytes(0x08, 4, 0x12, 4, 0x0a, 2, 0x0a, 0)],
    ['an OCDBT manifest', bytes(0x0c, 0xdb, 0x3a, 0x2a, 0, 0)],
    ['a ggml model from before GGUF', bytes('tjgg', 1, 0, 0, 0)],
    ['the list of checkpoints of a TensorFlow folder', bytes('model_checkpoint_path: "ck-1"\n')],
    ['a file that OpenSSL encrypted', bytes('Salted__', 1, 2, 3)],
  ])('%s is told by its first bytes', async (what, content) => {
    expect(await messageOf(content)).toContain(what)
  })

  it('is not seen where bytes are only alike', async () => {
    for (const content of [bytes(0x08, 0), bytes(0x08, 3, 0xff, 0xff), bytes(0x81, 0xa3, 1, 2, 3), bytes(0xde, 0)]) {
      expect(await messageOf(content)).toMatch(/of no format known/)
    }
  })
})

describe('a zip archive that holds no state', () => {
  it('with a stub in front of it is known as a zip', async () => {
    const zip = readFileSync(goldenPath('numpy-npz-stored'))
    const { kind } = await recognise(memorySource('x', Buffer.concat([bytes('#!', 0, 1), zip])))
    expect(kind).toBe('torch-zip')
  })

  it('that is encrypted is called so', async () => {
    const zip = Buffer.from(readFileSync(goldenPath('damaged-healthy-zip')))
    for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 1)) {
      zip.writeUInt16LE(zip.readUInt16LE(at + 8) | 1, at + 8)
    }
    writeFileSync(join(folder, 'e.pt'), zip.toString('latin1').replaceAll('data.pkl', 'datum.pk'), 'latin1')
    const { findings } = await findingsOf(join(folder, 'e.pt'))
    expect(findings.map(({ message }) => message)).toContainEqual(expect.stringMatching(/is an encrypted zip archive/))
  })
})

describe('a JSON file opened alone', () => {
  it.each([
    ['the index of a sharded model', { metadata: {}, weight_map: { a: 'b' } }],
    ['the config of a model', { model_type: 'llama' }],
    ['the config of a PEFT adapter', { peft_type: 'LORA', task_type: null }],
    ['the summary of a Weights & Biases run', { loss: 1, _runtime: 2, _timestamp: 3 }],
    ['JSON ({"error":"Repository not found"})', { error: 'Repository not found' }],
  ])('%s is named', async (what, content) => {
    writeFileSync(join(folder, 'x.json'), JSON.stringify(content))
    const { findings } = await findingsOf(join(folder, 'x.json'))
    expect(findings).toMatchObject([{ rule: 'file/not-a-checkpoint', message: expect.stringContaining(what) }])
  })

  it('that is damaged is damaged, not unknown', async () => {
    writeFileSync(join(folder, 'x.json'), '{"model_type": ')
    expect((await findingsOf(join(folder, 'x.json'))).findings).toMatchObject([{ rule: 'file/bad-header' }])
  })

  it('shows the history of a Trainer', async () => {
    const checkpoint = await openCheckpoint(goldenPath('trainer-gpt2', 'data/checkpoint-30/trainer_state.json'))
    expect(history(checkpoint).loss.length).toBeGreaterThan(3)
    expect(checkpoint.state.step).toBe(30)
    expect(checkpoint.findings).toEqual([])
    expect(Object.fromEntries(checkpoint.components.map(({ id, status }) => [id, status]))).toMatchObject({
      weights: 'not-applicable',
      optimizer: 'not-applicable',
      trainer: 'present',
    })
    checkpoint.close()
  })
})
