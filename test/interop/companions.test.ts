import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exportWeights } from '../../src/core/repair/export'
import { opened } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-companions-'))
afterAll(() => rmSync(folder, { recursive: true }))

const TOKENIZER = ['tokenizer.json', 'tokenizer_config.json']
const BESIDE = {
  text: [...TOKENIZER, 'chat_template.jinja', 'additional_chat_templates/tools.jinja'],
  image: ['preprocessor_config.json'],
  code: ['modeling_tiny.py', 'tiny_parts.py'],
  adapter: TOKENIZER,
}

describe('an export of a folder', () => {
  it('loads with from_pretrained: the model, its tokenizer, its processor and its own code', async () => {
    python('companions.py', 'make', folder)
    mkdirSync(join(folder, 'out'))
    const out = (name: string) => join(folder, 'out', name)
    for (const [name, files] of Object.entries(BESIDE)) {
      await exportWeights(await opened(join(folder, name)), out(name), {})
      for (const file of files)
        expect(readFileSync(join(out(name), file))).toEqual(readFileSync(join(folder, name, file)))
    }
    const adapter = await opened(join(folder, 'adapter'))
    await exportWeights(await opened(join(folder, 'base')), out('merged'), { adapter })
    expect(readdirSync(out('merged'))).not.toContain('adapter_config.json')
    expect(JSON.parse(python('companions.py', 'check', folder))).toEqual({
      text: { same: true, default: '[a]', tools: '<a>' },
      image: [0.25, 0.25, 0.25],
      ...{ code: true, merged: true, adapter: true },
    })
  })
})
