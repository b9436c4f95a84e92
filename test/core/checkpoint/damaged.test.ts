import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { notWeightsOnly } from '../../../src/core/checkpoint/files/pickle'
import { sha256Of } from '../../../src/core/checkpoint/values'
import { decodePickle } from '../../../src/core/decode/pickle/machine'
import { opened, placeOf, scratch, truthOf } from './cases'

/** Every damaged file, the rule its opening must report, and how the weights then stand. */
const DAMAGED: readonly (readonly [string, string, string])[] = [
  ['damaged-empty', 'file/empty', 'missing'],
  ['damaged-html', 'file/not-a-checkpoint', 'missing'],
  ['damaged-lfs-pointer', 'file/not-downloaded', 'missing'],
  ['damaged-zeros', 'file/zeroed', 'missing'],
  ['damaged-st-cut-header', 'file/truncated', 'missing'],
  ['damaged-st-cut-last', 'file/truncated', 'damaged'],
  ['damaged-st-cut-middle', 'file/truncated', 'damaged'],
  ['damaged-st-duplicate', 'file/bad-header', 'damaged'],
  ['damaged-st-header-huge', 'file/bad-header', 'damaged'],
  ['damaged-st-header-not-json', 'file/bad-header', 'missing'],
  ['damaged-st-overlap', 'file/overlap', 'damaged'],
  ['damaged-st-shape-bytes', 'file/bad-header', 'damaged'],
  ['damaged-st-trailing', 'file/bad-header', 'damaged'],
  ['damaged-zip-cut-half', 'file/truncated', 'damaged'],
  ['damaged-zip-cut-last', 'file/truncated', 'damaged'],
  ['damaged-zip-cut-quarter', 'file/truncated', 'missing'],
  ['damaged-zip-record-missing', 'file/bad-header', 'damaged'],
  ['torch-zoo-legacy-float8', 'file/bad-header', 'damaged'],
  ['hostile-st-ansi-name', 'file/odd-name', 'present'],
  ['hostile-st-deep-json', 'file/resource-bomb', 'missing'],
  ['hostile-st-negative', 'file/bad-header', 'missing'],
  ['hostile-st-overflow', 'file/bad-header', 'missing'],
  ['hostile-st-proto', 'file/odd-name', 'present'],
  ['hostile-storage-lies', 'file/bad-header', 'damaged'],
  ['hostile-zip-bomb', 'file/resource-bomb', 'damaged'],
  ['hostile-zip-slip', 'file/path-escape', 'present'],
  ['hostile-torch-zip', 'pickle/dangerous', 'present'],
  ['hostile-torch-zip-second-record', 'pickle/dangerous', 'present'],
  ['hostile-torch-zip-value', 'pickle/dangerous', 'present'],
]

describe('a damaged or hostile file', () => {
  it.each(DAMAGED)('%s is reported as %s, its weights as %s', async (name, rule, weights) => {
    const checkpoint = await opened(placeOf(name))
    expect(checkpoint.findings.map((finding) => finding.rule)).toContain(rule)
    const component = checkpoint.components.find(({ id }) => id === 'weights')
    expect(component?.status).toBe(weights)
    if (weights !== 'present') expect(component?.note).toBeTruthy()
  })

  it('keeps size and oid of what a Git LFS pointer stands for', async () => {
    const { findings } = await opened(placeOf('damaged-lfs-pointer'))
    expect(findings[0]?.evidence).toMatchObject({ size: expect.any(Number), oid: expect.stringMatching(/^sha256:/) })
  })

  it('reads the tensor that a cut through the half leaves whole', async () => {
    const { tensors } = await opened(placeOf('damaged-zip-cut-half'))
    const embed = tensors.find(({ name }) => name === 'embed.weight')
    const truth = truthOf('damaged-zip-cut-last').tensors.find(({ name }) => name === 'embed.weight')
    expect(embed && (await sha256Of(embed))).toBe(truth?.sha256)
    expect(tensors.filter(({ blocks }) => blocks.length === 0)).toHaveLength(4)
  })

  it('keeps an optimizer whose count of steps cannot be read', async () => {
    const bytes = readFileSync(placeOf('optimizer-zoo-adamw', 'data/optimizer.pt'))
    // Descriptors, and local headers of the storages, whose names begin 30 bytes behind their signature.
    for (let at = bytes.indexOf('PK\x07\x08'); at >= 0; at = bytes.indexOf('PK\x07\x08', at)) bytes.fill(0, at, at + 4)
    for (let at = bytes.indexOf('PK\x03\x04'); at >= 0; at = bytes.indexOf('PK\x03\x04', at + 4)) {
      if (/^\w+\/data\//.test(bytes.toString('latin1', at + 30, at + 60))) bytes.fill(0, at, at + 4)
    }
    const path = join(scratch(), 'optimizer.pt')
    writeFileSync(path, bytes)
    const checkpoint = await opened(path)
    expect(checkpoint.state.optimizers).toHaveLength(1)
    expect(checkpoint.state.step).toBeUndefined()
  })

  it.each(['damaged-zip-cut-last', 'damaged-zip-record-missing'])('%s: what is whole can be read', async (name) => {
    const { tensors } = await opened(placeOf(name))
    const truth = new Map(truthOf(name).tensors.map((t) => [t.name, t.sha256]))
    const whole = tensors.filter(({ blocks }) => blocks.length > 0)
    expect(new Map(await Promise.all(whole.map(async (t) => [t.name, await sha256Of(t)] as const)))).toEqual(truth)
  })

  it('counts what a cut left', async () => {
    const { findings } = await opened(placeOf('damaged-st-cut-last'))
    expect(findings.find(({ rule }) => rule === 'file/truncated')?.evidence).toMatchObject({ lost: 1, intact: 4 })
  })
})

const PICKLES: Readonly<Record<string, string>> = {
  'hostile-deep-lists': 'file/resource-bomb',
  'hostile-deep-recursion': 'file/resource-bomb',
  'hostile-memo-bomb': 'file/resource-bomb',
  'hostile-tuple-bomb': 'file/resource-bomb',
  'hostile-frame-lies': 'pickle/malformed',
  'hostile-long-int': 'pickle/malformed',
  'hostile-long-text': 'pickle/malformed',
  'hostile-no-stop': 'pickle/malformed',
  'hostile-persid': 'pickle/malformed',
  'hostile-stack-underflow': 'pickle/malformed',
}
/** Legal, only empty of tensors. */
const HARMLESS = ['hostile-memo-index', 'hostile-self-cycle']

describe('a hostile pickle', () => {
  const golden = join(import.meta.dirname, '../../golden')
  const cases = readdirSync(golden).filter((name) => name.startsWith('hostile-') && truthOf(name).layout === 'pickle')

  it.each(cases)('%s opens to a finding and runs nothing', async (name) => {
    const checkpoint = await opened(placeOf(name))
    const rules = checkpoint.findings.map(({ rule }) => rule)
    if (HARMLESS.includes(name)) expect(rules).toEqual([])
    else expect(rules).toContain(PICKLES[name] ?? 'pickle/dangerous')
    expect(checkpoint.tensors).toEqual([])
    expect(checkpoint.components.find(({ id }) => id === 'weights')?.status).toBe('missing')
    expect(existsSync('/tmp/pwned')).toBe(false)
  })

  it('names the global and where it stands', async () => {
    const { findings } = await opened(placeOf('hostile-popped'))
    const dangerous = findings.find(({ rule }) => rule === 'pickle/dangerous')
    expect(dangerous?.evidence).toMatchObject({ globals: [{ name: 'system', offset: expect.any(Number) }] })
  })
})

describe('torch.load(weights_only=True)', () => {
  it.each([
    ['dictconfig', /omegaconf\.dictconfig\.DictConfig/],
    ['dictconfig-namespace', /argparse\.Namespace/],
    ['torch-zoo-module', /__main__\.LocalNet/],
    ['torch-zoo-protocol4', /protocol 4/],
  ])('refuses %s, and the finding says why', async (name, why) => {
    const { findings } = await opened(placeOf(name))
    expect(findings.find(({ rule }) => rule === 'pickle/not-weights-only')).toMatchObject({
      severity: 'info',
      message: why,
    })
  })

  it.each([
    'torch-zoo-legacy',
    'torch-zoo-parameters',
    'torch-zoo-sparse',
    'torch-zoo-quantized',
    'trainer-gpt2',
    'seed-style',
  ])('has nothing to refuse in %s', async (name) => {
    const { findings } = await opened(placeOf(name))
    expect(findings).toEqual([])
  })

  it('stops at opcodes of other protocols, and at those that protocol 3 has for bytes', () => {
    const refuses = (...bytes: number[]) => notWeightsOnly(decodePickle(Uint8Array.from(bytes)), 'model.pt').length > 0
    expect(refuses(0x80, 2, 0x7d, 0x2e)).toBe(false)
    expect(refuses(0x80, 3, 0x7d, 0x2e)).toBe(false)
    expect(refuses(0x80, 3, 0x43, 1, 0x78, 0x2e)).toBe(true)
    expect(refuses(0x49, 0x31, 0x0a, 0x2e)).toBe(true)
    expect(refuses(0x80, 4, 0x7d, 0x94, 0x2e)).toBe(true)
  })
})
