import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, start } from './app'
import { python } from './python'

const room = mkdtempSync(join(tmpdir(), 'assay-e2e-'))
const maker = resolve(import.meta.dirname, '../interop/adapter.py')
const run = (...args: string[]) => execFileSync(python ?? '', ['-W', 'ignore', maker, ...args], { encoding: 'utf8' })

/** What PEFT and PyTorch have saved, exported in ways that only some checkpoints offer, and read by them again. */
describe.skipIf(!python)('an export', () => {
  let app: App
  beforeAll(async () => {
    run('make', room)
    app = await start()
  })
  afterAll(async () => {
    await app?.close()
    expect(app?.complaints).toEqual([])
  })

  const preview = () => app.byId('export-preview').textContent()

  async function expectNoBarriers(): Promise<void> {
    for (const _ of ['one scheme', 'the other']) {
      expect(await app.violations()).toEqual([])
      await app.byId('theme-toggle').first().click()
    }
  }

  async function exportTo(out: string): Promise<void> {
    await app.byId('export-out').fill(out)
    await expect.poll(() => app.byId('export-run').isEnabled()).toBe(true)
    await app.byId('export-run').click()
    await app.byId('export-result').getByText(out, { exact: true }).waitFor()
  }

  it('of a model saved whole takes its adapter out, once its scaling is said', async () => {
    await app.open(join(room, 'linear', 'full.pt'))
    await app.byId('nav-repair').click()
    await app.byId('tab-export').click()
    await app.page.getByText('Only its LoRA adapter').click()
    await app.page.getByText('Say the alpha of the adapter').waitFor()
    expect(await app.byId('export-run').isDisabled()).toBe(true)
    await app.byId('export-alpha').fill('12')
    await expect.poll(preview).toContain('adapter_config.json')
    expect(await preview()).toContain('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight')
    await app.picture('export-adapter')
    await expectNoBarriers()
    await exportTo(join(room, 'linear', 'extracted'))
  })

  it('ties what config.json ties', async () => {
    await app.open(join(room, 'tied'))
    await app.byId('nav-repair').click()
    await app.page.getByText('Tie head and embedding').click()
    await expect.poll(preview).toContain('1 dropped')
    await expectNoBarriers()
    await exportTo(join(room, 'tied.safetensors'))
    await exportTo(join(room, 'tied.bin'))
  })

  it('is loaded by PEFT and PyTorch as what they saved', () => {
    expect(JSON.parse(run('check', room, 'linear', 'tied'))).toEqual({ linear: [], tied: [] })
  })
})
