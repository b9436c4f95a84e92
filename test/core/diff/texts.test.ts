import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { diffTexts } from '../../../src/core/diff/texts'
import { goldenPath } from '../../golden/cases'

const folder = mkdtempSync(join(tmpdir(), 'assay-texts-'))
const original = goldenPath('trainer-gpt2', 'data/checkpoint-30')
const changed = join(folder, 'changed')
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  rmSync(changed, { recursive: true, force: true })
  cpSync(original, changed, { recursive: true })
})

type Json = Record<string, unknown> & { model: { vocab: Record<string, number> } }

function edit(file: string, change: (json: Json) => void): void {
  const path = join(changed, file)
  const json: Json = JSON.parse(readFileSync(path, 'utf8'))
  change(json)
  writeFileSync(path, JSON.stringify(json))
}

async function differences() {
  const [a, b] = [await openCheckpoint(original), await openCheckpoint(changed)]
  const found = await diffTexts(a, b)
  a.close()
  b.close()
  return found
}

describe('the files beside the weights', () => {
  it('are the same where they say the same, however it is written', async () => {
    edit('tokenizer.json', () => undefined)
    edit('generation_config.json', (json) => {
      const entries = Object.entries(json).reverse()
      for (const [key, value] of entries) {
        delete json[key]
        json[key] = value
      }
    })
    expect(await differences()).toEqual([])
  })

  it('differ token by token, and setting by setting', async () => {
    let renumbered = ''
    edit('tokenizer.json', ({ model }) => {
      const [first = '', second = ''] = Object.keys(model.vocab).slice(10)
      renumbered = first
      model.vocab[first] = 4242
      delete model.vocab[second]
      model.vocab['<new>'] = 4243
      model.vocab.__proto__other = 4244
    })
    edit('tokenizer_config.json', (json) => {
      json.model_max_length = 77
    })
    edit('generation_config.json', (json) => {
      json.temperature = 0.3
    })
    const found = await differences()
    expect(found).toContainEqual({
      what: 'tokenizer_config.model_max_length',
      a: expect.anything(),
      b: 77,
      same: false,
    })
    expect(found).toContainEqual({ what: 'generation_config.temperature', a: null, b: 0.3, same: false })
    const vocab = found.find(({ what }) => what === 'tokenizer.vocab')
    expect(vocab?.b).toMatch(/tokens: 2 added \(<new> __proto__other\); 1 gone \(.+\); 1 with another number/)
    expect(vocab?.b).toContain(`(${renumbered})`)
    expect(found).toHaveLength(3)
  })

  it('are told by their digest where they are no JSON, and by name where one side lacks them', async () => {
    writeFileSync(join(changed, 'tokenizer.json'), '{"model": ')
    rmSync(join(changed, 'generation_config.json'))
    expect(await differences()).toEqual([
      {
        what: 'tokenizer.json',
        a: expect.stringMatching(/^sha256 /),
        b: expect.stringMatching(/^sha256 /),
        same: false,
      },
      { what: 'generation_config.json', a: 'present', b: null, same: false },
    ])
  })
})
