import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { Checkpoint, OptimizerState } from '../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import type { Plain } from '../../../src/core/decode/plain'
import { RULES, type RuleId } from '../../../src/core/finding'
import { verify } from '../../../src/core/verify/verify'
import { goldenPath } from '../../golden/cases'
import { tensorOf } from './handmade'

/** Rules that a checkpoint breaks, and nothing else about it. */
async function rulesOf(path: string, change: (checkpoint: Checkpoint) => Partial<Checkpoint> = () => ({})) {
  const checkpoint = await openCheckpoint(path)
  try {
    const changed = { ...checkpoint, ...change(checkpoint) }
    const { findings } = await verify(changed, { kernel: referenceKernel, deep: true })
    return [...new Set(findings.map(({ rule }) => rule))]
  } finally {
    checkpoint.close()
  }
}

const FC = 'transformer.h.1.mlp.c_fc.weight'
const HEAD = 'transformer.wte.weight'

/** One tensor in another form. */
const tensor = (name: string, form: (tensor: Tensor) => Partial<Tensor>) => (checkpoint: Checkpoint) => ({
  tensors: checkpoint.tensors.map((each) => (each.name === name ? { ...each, ...form(each) } : each)),
})

/** One tensor with other values. */
const values = (name: string, value: (index: number) => number) => (checkpoint: Checkpoint) => ({
  tensors: checkpoint.tensors.map((each) =>
    each.name === name
      ? tensorOf({ ...each, values: Array.from({ length: numel(each.shape) }, (_, i) => value(i)) })
      : each,
  ),
})

const config = (fields: object) => (checkpoint: Checkpoint) => ({
  config: { ...(checkpoint.config as object), ...fields },
})

const optimizer = (change: (optimizer: OptimizerState) => Partial<OptimizerState>) => (checkpoint: Checkpoint) => ({
  state: { ...checkpoint.state, optimizers: checkpoint.state.optimizers.map((each) => ({ ...each, ...change(each) })) },
})

const counter = (source: string, value: number) => (checkpoint: Checkpoint) => ({
  state: {
    ...checkpoint.state,
    counters: checkpoint.state.counters.map((each) => (each.source === source ? { ...each, value } : each)),
  },
})

interface Row {
  readonly step: number
  readonly loss?: number
  readonly learning_rate?: number
}

/** trainer_state.json with other fields, or another log. */
const trainerState = (change: (rows: Row[]) => object) => (checkpoint: Checkpoint) => ({
  state: {
    ...checkpoint.state,
    records: checkpoint.state.records.map((record) => {
      const fields = record.value as { log_history?: Row[] }
      if (!fields.log_history) return record
      return { ...record, value: { ...fields, ...change(fields.log_history) } as unknown as Plain }
    }),
  },
})

const log = (change: (row: Row) => Partial<Row>) =>
  trainerState((rows) => ({ log_history: rows.map((row) => ({ ...row, ...change(row) })) }))

/** What a rule watches, damaged in a healthy checkpoint of the Trainer. */
const MODEL: { readonly [rule in RuleId]?: (checkpoint: Checkpoint) => Partial<Checkpoint> } = {
  'weights/missing-tensor': ({ tensors }) => ({ tensors: tensors.filter(({ name }) => name !== FC) }),
  'weights/unexpected-tensor': ({ tensors }) => ({
    tensors: [...tensors, tensorOf({ name: FC.replace('h.1', 'h.2'), shape: [32, 128], values: ramp(4096) })],
  }),
  'weights/flattened': tensor(FC, ({ shape }) => flat(numel(shape))),
  'weights/rank-shard': tensor(FC, ({ shape }) => flat(numel(shape) / 2)),
  'weights/placeholder': tensor(FC, () => ({ shape: [0] })),
  'weights/shape-mismatch': tensor(FC, () => tensorOf({ name: FC, shape: [4, 8], values: ramp(32) })),
  'weights/layer-gap': config({ n_layer: 3 }),
  'weights/wrapper-prefix': ({ tensors }) => ({
    tensors: tensors.map((each) => (each.component === 'weights' ? { ...each, name: `_orig_mod.${each.name}` } : each)),
  }),
  'weights/non-finite': values(FC, (i) => (i === 7 ? Number.NaN : Math.sin(i))),
  'weights/all-zero': values(FC, () => 0),
  'weights/constant': values(FC, () => 0.5),
  'weights/dtype-drift': config({ dtype: 'bfloat16' }),
  'weights/storage-bloat': tensor(FC, () => ({ storage: { key: 'all', byteLength: 1 << 24 } })),
  'weights/tied-differs': ({ tensors }) => ({
    tensors: [
      ...tensors,
      tensorOf({
        name: 'lm_head.weight',
        shape: shapeOf(tensors, HEAD),
        file: 'model.safetensors',
        values: ramp(2048),
      }),
    ],
  }),
  'optimizer/empty-state': optimizer(() => ({ parameters: [] })),
  'optimizer/parameter-mismatch': optimizer(({ groups }) => ({
    groups: groups.map((group, i) => (i === 1 ? { ...group, params: [...group.params, 28, 29] } : group)),
  })),
  'optimizer/shape-mismatch': optimizer(({ parameters }) => ({
    parameters: parameters.map((each, i) =>
      i === 0 ? { ...each, tensors: { exp_avg: tensorOf({ name: 'state.0.exp_avg', shape: [65, 32] }) } } : each,
    ),
  })),
  'optimizer/step-mismatch': counter('optimizer.step', 12),
  'optimizer/non-finite': values('state.0.exp_avg', (i) => (i === 3 ? Number.POSITIVE_INFINITY : 0)),
  'optimizer/negative-second-moment': values('state.0.exp_avg_sq', (i) => (i === 3 ? -1 : 1)),
  'scheduler/step-mismatch': counter('scheduler.last_epoch', 12),
  'rng/malformed': ({ state }) => ({
    state: { ...state, rng: state.rng.map((one) => ({ ...one, malformed: 'is short' })) },
  }),
  'rng/world-size': ({ state }) => ({
    state: { ...state, rng: [...state.rng, ...state.rng.map((one) => ({ ...one }))] },
  }),
  'trainer/step-mismatch': counter('folder name', 12),
  'trainer/stale-pointer': trainerState(() => ({ best_model_checkpoint: 'run/checkpoint-5' })),
  'trainer/history-gap': trainerState((rows) => ({ log_history: rows.filter(({ step }) => step < 12 || step > 20) })),
  'trainer/loss-non-finite': log(({ step, loss }) => (loss !== undefined && step === 20 ? { loss: Number.NaN } : {})),
  'trainer/loss-jump': log(({ step, loss }) => (loss !== undefined && step >= 20 ? { loss: loss + 50 } : {})),
  'trainer/lr-jump': log(({ step, learning_rate: rate }) =>
    rate !== undefined && step < 20 ? { learning_rate: rate * 3 } : {},
  ),
}

function flat(size: number): Partial<Tensor> {
  return tensorOf({ name: FC, shape: [size], file: 'model.safetensors', values: ramp(size) })
}

function ramp(size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.sin(i) + i / size)
}

function shapeOf(tensors: readonly Tensor[], name: string): readonly number[] {
  return tensors.find((each) => each.name === name)?.shape ?? []
}

/** Files of a checkpoint, taken away or damaged: what is done to which file of which case. */
const FILES: { readonly [rule in RuleId]?: readonly [name: string, damage: (folder: string) => void] } = {
  'file/truncated': ['trainer-gpt2', cut('model.safetensors')],
  'file/empty': ['trainer-gpt2', write('model.safetensors', '')],
  'file/zeroed': ['trainer-gpt2', write('model.safetensors', new Uint8Array(4096))],
  'file/not-downloaded': [
    'trainer-gpt2',
    write('model.safetensors', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n'),
  ],
  'file/not-a-checkpoint': [
    'trainer-gpt2',
    write('model.safetensors', '<!doctype html><html><body>Sign in</body></html>'),
  ],
  'file/checksum': ['trainer-gpt2', flip('optimizer.pt')],
  'file/unknown-format': [
    'trainer-gpt2',
    write(
      'scheduler.pt',
      Uint8Array.from({ length: 512 }, (_, i) => (i * 37 + 129) % 251),
    ),
  ],
  'weights/missing': ['trainer-gpt2', remove('model.safetensors')],
  'tokenizer/missing': ['trainer-gpt2', withoutTokenizer],
  'config/missing': ['trainer-gpt2', remove('config.json')],
  'optimizer/missing': ['trainer-gpt2', remove('optimizer.pt')],
  'scheduler/missing': ['trainer-gpt2', remove('scheduler.pt')],
  'rng/missing': ['accelerate-ddp2', remove('random_states_1.pkl')],
  'trainer/missing': ['trainer-gpt2', remove('trainer_state.json')],
  'trainer/incomplete-save': ['trainer-gpt2', write('checkpoint-is-incomplete.txt', '')],
  'weights/duplicate-copies': ['accelerate-ddp2', copy('model.safetensors', 'model_1.safetensors')],
  'weights/missing-shard': ['sharded', remove(/model-00002-of-/)],
  'adapter/missing-config': ['trainer-lora', remove('adapter_config.json')],
  'adapter/missing-weights': ['trainer-lora', remove('adapter_model.safetensors')],
}

describe('in a healthy checkpoint, exactly the rule speaks whose subject is damaged', () => {
  const healthy = goldenPath('trainer-gpt2')

  test.each(Object.entries(MODEL))('%s', async (rule, change) => {
    const before = await rulesOf(healthy)
    expect((await rulesOf(healthy, change)).filter((each) => !before.includes(each))).toEqual([rule])
  })

  test.each(Object.entries(FILES))('%s', async (rule, [name, damage]) => {
    const original = goldenPath(name)
    const before = await rulesOf(original)
    const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
    const folder = join(run, basename(original))
    cpSync(original, folder, { recursive: true })
    damage(folder)
    expect((await rulesOf(folder)).filter((each) => !before.includes(each))).toEqual([rule])
    rmSync(run, { recursive: true })
  })
})

/** Cases that were damaged when they were made, and the rule that must see it; other rules may see it as well. */
const CASES: { readonly [rule in RuleId]?: string } = {
  'file/bad-header': 'damaged-st-header-not-json',
  'file/overlap': 'damaged-st-overlap',
  'file/path-escape': 'sharded-path-traversal',
  'file/resource-bomb': 'hostile-zip-bomb',
  'file/odd-name': 'hostile-st-ansi-name',
  'weights/stale-index': 'sharded-stale-index',
  'weights/replicated': 'replicated-buffer',
  'weights/zero-run': 'damaged-st-zero-run',
  'pickle/dangerous': 'hostile-os-system',
  'pickle/malformed': 'hostile-no-stop',
  'pickle/not-weights-only': 'dictconfig',
}

test.each(Object.entries(CASES))('%s speaks of %s', async (rule, name) => {
  expect(await rulesOf(goldenPath(name))).toContain(rule)
})

/** What no file can stage: the system's own refusals, and states that only layouts which name their ranks or parts miss. */
const UNSTAGED: readonly RuleId[] = [
  'file/unreadable',
  'file/changed',
  'adapter/empty',
  'optimizer/missing-rank',
  'scaler/missing',
  'sampler/missing',
]

test('every other rule is shown here at work', () => {
  const shown = new Set([...Object.keys(MODEL), ...Object.keys(FILES), ...Object.keys(CASES), ...UNSTAGED])
  expect(Object.keys(RULES).filter((id) => !shown.has(id))).toEqual([])
})

function remove(file: string | RegExp) {
  return (folder: string) => rmSync(join(folder, named(folder, file)))
}

function write(file: string, contents: string | Uint8Array) {
  return (folder: string) => writeFileSync(join(folder, file), contents)
}

function cut(file: string) {
  return (folder: string) => truncateSync(join(folder, file), statSync(join(folder, file)).size - 1000)
}

function copy(from: string, to: string) {
  return (folder: string) => cpSync(join(folder, from), join(folder, to))
}

/** Another value in the middle of the file, where the data of a storage lies. */
function flip(file: string) {
  return (folder: string) => {
    const bytes = readFileSync(join(folder, file))
    const at = bytes.indexOf('data/0') + 200
    bytes[at] = (bytes[at] as number) ^ 0x10
    writeFileSync(join(folder, file), bytes)
  }
}

function named(folder: string, file: string | RegExp): string {
  if (typeof file === 'string') return file
  const index = readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8')
  return (Object.values(JSON.parse(index).weight_map) as string[]).find((each) => file.test(each)) ?? dirname(folder)
}

function withoutTokenizer(folder: string): void {
  for (const file of readdirSync(folder))
    if (/^(tokenizer|special_tokens|vocab|merges)/.test(file)) rmSync(join(folder, file))
}
