import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { finding, RULES, type RuleId } from '../../../src/core/finding'
import { flagsOf } from '../../../src/core/verify/flags'
import { type VerifyOptions, verify } from '../../../src/core/verify/verify'
import { checkpointOf } from './handmade'

const golden = join(import.meta.dirname, '../../golden')
const kernel = referenceKernel

async function verified(name: string, options: Partial<VerifyOptions> = {}, path = truthOf(name).path) {
  const checkpoint = await openCheckpoint(join(golden, name, path))
  try {
    return { checkpoint, ...(await verify(checkpoint, { kernel, ...options })) }
  } finally {
    checkpoint.close()
  }
}

async function besideReference(name: string) {
  const reference = await openCheckpoint(join(golden, name, truthOf(name).reference as string))
  try {
    return await verified(name, { deep: true, reference })
  } finally {
    reference.close()
  }
}

interface Truth {
  readonly path: string
  readonly reference?: string
  readonly expect: {
    readonly verdict: string
    readonly components: Record<string, string>
    readonly findings: { readonly rule: string; readonly subject: string }[]
    readonly step: number | null
  }
}

function truthOf(name: string): Truth {
  return JSON.parse(readFileSync(join(golden, name, 'truth.json'), 'utf8'))
}

/** What the truth calls a finding, and the rule that says it. */
const RULE_OF: Record<string, RuleId> = {
  'adapter-config-missing': 'adapter/missing-config',
  'adapter-weights-missing': 'adapter/missing-weights',
  'all-zero-file': 'file/zeroed',
  'bad-offset': 'file/bad-header',
  'crc-mismatch': 'file/checksum',
  'dcp-metadata-missing': 'trainer/incomplete-save',
  'dangerous-global': 'pickle/dangerous',
  'duplicate-name': 'file/bad-header',
  'empty-file': 'file/empty',
  flattened: 'weights/flattened',
  'header-not-json': 'file/bad-header',
  'header-too-large': 'file/bad-header',
  'html-page': 'file/not-a-checkpoint',
  'index-tensor-absent': 'weights/stale-index',
  'index-total-size': 'weights/stale-index',
  'legacy-untyped-storage': 'file/bad-header',
  'lfs-pointer': 'file/not-downloaded',
  'loss-jump': 'trainer/loss-jump',
  'missing-vs-reference': 'weights/missing-tensor',
  'loss-nan': 'trainer/loss-non-finite',
  'malformed-pickle': 'pickle/malformed',
  'needs-unsafe-load': 'pickle/not-weights-only',
  'no-checkpoint': 'weights/missing',
  'no-tensors': 'weights/missing',
  'non-finite': 'weights/non-finite',
  'object-array': 'file/unknown-format',
  'odd-name': 'file/odd-name',
  'offsets-overlap': 'file/overlap',
  'optimizer-missing': 'optimizer/missing',
  'optimizer-shape-mismatch': 'optimizer/shape-mismatch',
  'optimizer-state-empty': 'optimizer/empty-state',
  'path-escapes-archive': 'file/path-escape',
  'path-escapes-folder': 'file/path-escape',
  placeholder: 'weights/placeholder',
  prefix: 'weights/wrapper-prefix',
  'rank-shard': 'weights/rank-shard',
  replicated: 'weights/replicated',
  'resource-bomb': 'file/resource-bomb',
  'rng-missing': 'rng/missing',
  'rng-rank-missing': 'rng/missing',
  'scheduler-missing': 'scheduler/missing',
  'shape-bytes-mismatch': 'file/bad-header',
  'shard-missing': 'weights/missing-shard',
  'storage-larger-than-view': 'weights/storage-bloat',
  'storage-missing': 'file/bad-header',
  'storage-short': 'file/bad-header',
  truncated: 'file/truncated',
  'trailing-bytes': 'file/bad-header',
  'type-not-decoded': 'file/unknown-format',
  'unknown-format': 'file/unknown-format',
  'weights-missing': 'weights/missing',
  'latest-stale': 'trainer/stale-pointer',
  'zero-rank-missing': 'optimizer/missing-rank',
  'zero-run': 'weights/zero-run',
  'zero-size': 'weights/placeholder',
}

/** Findings that the truth calls by what is wrong with the text, and Assay by what it would do. */
const NAMED: Record<string, RuleId> = { 'hostile-st-deep-json': 'file/resource-bomb' }

/** Cases whose components are told otherwise than in the truth, and why that is right. */
const OTHERWISE: Record<string, string> = {
  'damaged-st-header-huge': 'its header is found all the same, so the weights are damaged and not missing',
  'damaged-zip-cut-half': 'one tensor is whole and can be saved, so the weights are damaged and not missing',
}

const cases = readdirSync(golden).filter((name) => !name.includes('.') && name !== 'make')

describe.each(cases)('%s', (name) => {
  const truth = truthOf(name)
  let deep: ReturnType<typeof verified>
  beforeAll(() => {
    deep = name === 'frozen-missing' ? besideReference(name) : verified(name, { deep: true })
  })

  test('has the verdict, the components and the findings of its truth', async () => {
    const found = await deep
    const rules = new Set(found.findings.map(({ rule }) => rule))
    expect(found.verdict).toBe(truth.expect.verdict)
    for (const { rule } of truth.expect.findings) expect(rules).toContain(NAMED[name] ?? RULE_OF[rule])
    if (name in OTHERWISE) return
    expect(Object.fromEntries(found.components.map(({ id, status }) => [id, status]))).toEqual(truth.expect.components)
  })

  test('raises no alarm that its truth does not', async () => {
    const { findings } = await deep
    const expected = new Set<string>(truth.expect.findings.map(({ rule }) => NAMED[name] ?? RULE_OF[rule] ?? rule))
    const alarms = findings.filter(({ rule, severity }) => severity === 'error' && !expected.has(rule))
    expect(alarms.filter(({ rule }) => !EXPLAINED.has(rule)).map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(
      [],
    )
  })
})

/** Errors that come with another one of the truth: what follows from a damaged file or a hostile pickle. */
const EXPLAINED: ReadonlySet<RuleId> = new Set<RuleId>([
  'weights/missing',
  'weights/missing-shard',
  'pickle/malformed',
  'file/bad-header',
])

describe('the verdict', () => {
  test('a healthy checkpoint resumes exactly, and says from where', async () => {
    const { resume } = await verified('trainer-gpt2')
    expect(resume.level).toBe('exact')
    expect(resume.why[0]).toContain('step 30')
  })

  test('a note takes nothing from an exact resume, the same finding as a warning does', async () => {
    const level = async (severity: 'info' | 'warning') => {
      const findings = [finding('optimizer/settings-mismatch', 'optimizer.pt', 'betas is 0.9, 0.95', { severity })]
      const { verdict, resume } = await verify(checkpointOf({ findings }), { kernel })
      return [verdict, resume.level]
    }
    expect(await level('info')).toEqual(['complete', 'exact'])
    expect(await level('warning')).toEqual(['partial', 'stable'])
  })

  test('a scheduler is missed with the marks that it would have left in the optimizer in mind', async () => {
    const why = async (group: { lr: number; initialLr?: number }) => {
      const optimizers = [{ file: 'a.pt', groups: [{ params: [0], hyper: {}, ...group }], parameters: [] }]
      const components = { scheduler: 'missing' as const }
      return (await verify(checkpointOf({ components, state: { optimizers } }), { kernel })).resume.why[0]
    }
    expect(await why({ lr: 0.1 })).toContain('no mark of a scheduler: where the learning rate was constant')
    expect(await why({ lr: 0.1, initialLr: 0.1 })).toContain('the learning rate starts over')
  })

  test('a lost random state keeps the optimizer, so the resume is stable', async () => {
    const { resume } = await verified('accelerate-ddp2-rng1-missing')
    expect(resume.level).toBe('stable')
    expect(resume.why[0]).toContain('missing in part')
  })

  test('a lost optimizer leaves weights only', async () => {
    const { resume } = await verified('damaged-optimizer-empty')
    expect(resume).toMatchObject({ level: 'weights-only' })
    expect(resume.why[0]).toContain('expect a jump in the loss')
  })

  test('each reason says what the loss will do', async () => {
    const why = async (name: string) => (await verified(name)).resume.why
    for (const name of [
      'seed-style-weights-only',
      'scaler-cpu',
      'damaged-optimizer-empty',
      'accelerate-ddp2-rng1-missing',
    ]) {
      expect(
        (await why(name)).filter((reason) => !/the loss/i.test(reason)),
        name,
      ).toEqual([])
    }
    const counters = [
      { source: 'checkpoint.it', file: 'checkpoint.pt', value: 9000 },
      { source: 'optimizer.step', file: 'checkpoint.pt', value: 1 },
    ]
    const { resume } = await verify(checkpointOf({ layout: 'file', state: { counters } }), { kernel })
    expect(resume).toMatchObject({ level: 'stable' })
    expect(resume.why[0]).toMatch(/^optimizer\.step says 1, checkpoint\.it says 9000: .*the loss may rise/)
  })

  test('weights alone are not scolded for each thing they lack', async () => {
    const { resume } = await verified('damaged-healthy-st')
    expect(resume.why).toHaveLength(1)
    expect(resume.why[0]).toContain('weights alone')
  })

  test('many tensors with one trouble are one sentence', async () => {
    const { resume } = await verified('flattened-whisper')
    expect(resume.level).toBe('none')
    expect(resume.why).toHaveLength(1)
    expect(resume.why[0]).toContain('37 times')
  })

  test('values decide only when they are read', async () => {
    expect((await verified('damaged-st-nonfinite')).verdict).toBe('partial')
    expect((await verified('damaged-st-nonfinite', { deep: true })).verdict).toBe('broken')
  })

  test('under strict a warning is enough to be incomplete', async () => {
    expect((await verified('damaged-loss-jump')).verdict).toBe('complete')
    expect((await verified('damaged-loss-jump', { strict: true })).verdict).toBe('partial')
  })

  test('errors come first', async () => {
    const { findings } = await verified('placeholder-1')
    const order = findings.map(({ severity }) => ['error', 'warning', 'info'].indexOf(severity))
    expect(order).toEqual([...order].sort())
  })
})

test('tied parameters are counted once', async () => {
  const { tensors, checkpoint } = await verified('torch-zoo-tied')
  const all = checkpoint.tensors.reduce((sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1), 0)
  expect(tensors.parameters).toBeLessThan(all)
})

test('progress reaches its end, and a fired signal stops the reading', async () => {
  const seen: [number, number][] = []
  await verified('seed-style', { deep: true, onProgress: (done, total) => void seen.push([done, total]) })
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.every(([done, total]) => done <= total)).toBe(true)
  expect(seen.at(-1)?.[0]).toBe(seen.at(-1)?.[1])
  const stopped = verified('seed-style', { deep: true, signal: AbortSignal.abort() })
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' })
})

test('every rule that is reported is one of the table', async () => {
  const { findings } = await verified('sharded-stale-index')
  for (const { rule } of findings) expect(RULES).toHaveProperty([rule])
})

describe('flags', () => {
  const flagsByName = async (name: string, deep = false) => {
    const { checkpoint, findings } = await verified(name, { deep })
    const flags = flagsOf(checkpoint, findings)
    return new Map(checkpoint.tensors.map(({ name: tensor }, index) => [tensor, flags.get(index) ?? []]))
  }

  test('a copy in 16 bits of a master that is trained is not frozen, what lies beside it is', () => {
    const { tensors, ...rest } = checkpointOf({
      tensors: [
        { name: 'model.w', shape: [2, 3], dtype: 'bfloat16' },
        { name: 'model.base', shape: [3, 3], dtype: 'bfloat16' },
        { name: 'fp32_params.0', shape: [2, 3], component: 'optimizer' },
      ],
    })
    const saved = tensors.map((tensor) => ({ ...tensor, requiresGrad: tensor.dtype === 'float32' }))
    const flags = flagsOf({ ...rest, tensors: saved }, [])
    expect(saved.map((_, index) => flags.get(index)?.includes('frozen') ?? false)).toEqual([false, true, false])
  })

  test('findings about a tensor mark it and no other', async () => {
    const flags = await flagsByName('flattened')
    expect(flags.get('model.encoder.conv1.weight')).toEqual(['flattened'])
    expect(flags.get('model.encoder.conv1.bias')).toEqual([])
    expect((await flagsByName('rank-shard')).get('model.embed_tokens.weight')).toEqual(['rank-shard'])
    expect((await flagsByName('zero-size')).get('language_model.norm.weight')).toEqual(['placeholder', 'empty'])
  })

  test('a file of placeholders marks all of them', async () => {
    const checkpoint = checkpointOf({ tensors: ['a', 'b', 'c'].map((name) => ({ name, shape: [0] })) })
    const { findings } = await verify(checkpoint, { kernel })
    expect([...flagsOf(checkpoint, findings).values()]).toEqual(new Array(3).fill(['empty', 'placeholder']))
  })

  test('shared storages, views and cut tensors are told by where their bytes are', async () => {
    expect((await flagsByName('torch-zoo-tied')).get('lm_head.weight')).toContain('tied')
    expect((await flagsByName('torch-zoo-bloat')).get('v')).toContain('view')
    expect((await flagsByName('damaged-st-cut-last')).get('norm.weight')).toContain('truncated')
    expect((await flagsByName('damaged-st-cut-last')).get('fc1.weight')).toEqual([])
    expect((await flagsByName('damaged-zip-record-missing')).get('embed.weight')).toContain('no-values')
  })

  test('wrappers mark every name they prefix', async () => {
    const flags = await flagsByName('torch-zoo-ema')
    expect(flags.get('n_averaged')).toEqual([])
    expect(
      [...flags].filter(([name]) => name !== 'n_averaged').every(([, own]) => own.includes('wrapper-prefix')),
    ).toBe(true)
  })
})

test('a checkpoint without a single file is broken, not an exception', async () => {
  const checkpoint = checkpointOf({ components: { weights: 'missing' } })
  expect(await verify(checkpoint, { kernel })).toMatchObject({ verdict: 'broken', resume: { level: 'none' } })
})
