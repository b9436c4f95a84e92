import type { Checkpoint, ComponentId, OptimizerState } from '../../../src/core/checkpoint/checkpoint'
import { numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import type { Plain } from '../../../src/core/decode/plain'
import type { RuleId } from '../../../src/core/finding'
import { tensorOf } from './handmade'

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

/** A file that bears the mark of a repair. */
const rebuilt = (component: ComponentId, file: string) => () => ({
  rebuilt: [{ file, component, how: 'zero moments' }],
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
export const MODEL: { readonly [rule in RuleId]?: (checkpoint: Checkpoint) => Partial<Checkpoint> } = {
  'weights/missing-tensor': ({ tensors }) => ({ tensors: tensors.filter(({ name }) => name !== FC) }),
  'weights/unexpected-tensor': ({ tensors }) => ({
    tensors: [...tensors, tensorOf({ name: FC.replace('h.1', 'h.2'), shape: [32, 128], values: ramp(4096) })],
  }),
  'weights/flattened': tensor(FC, ({ shape }) => flat(numel(shape))),
  'weights/rank-shard': tensor(FC, ({ shape }) => flat(numel(shape) / 2)),
  'weights/placeholder': tensor(FC, () => ({ shape: [0] })),
  'weights/shape-mismatch': tensor(FC, () => tensorOf({ name: FC, shape: [4, 8], values: ramp(32) })),
  'weights/layer-gap': ({ tensors }) => ({ tensors: tensors.filter(({ name }) => !name.includes('.h.1.')) }),
  'weights/wrapper-prefix': ({ tensors }) => ({
    tensors: tensors.map((each) => (each.component === 'weights' ? { ...each, name: `_orig_mod.${each.name}` } : each)),
  }),
  'weights/replicated': tensor(FC, ({ shape }) => {
    const half = ramp(numel(shape))
    return tensorOf({ name: FC, shape: [half.length * 2], file: 'model.safetensors', values: [...half, ...half] })
  }),
  'weights/zero-run': values(FC, (i) => (i >= 512 && i < 2560 ? 0 : Math.sin(i + 1))),
  'weights/non-finite': values(FC, (i) => (i === 7 ? Number.NaN : Math.sin(i))),
  'weights/negative-variance': ({ tensors }) => ({
    tensors: [...tensors, tensorOf({ name: `${FC}.running_var`, shape: [4], values: [1, -1, 2, 3] })],
  }),
  'weights/all-zero': values(FC, () => 0),
  'weights/constant': values(FC, () => 0.5),
  'weights/average-only': ({ files }) => ({
    files: files.map((each) => (each.path === 'model.safetensors' ? { ...each, path: 'ema.safetensors' } : each)),
  }),
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
  'config/mismatch': config({ n_embd: 64 }),
  'optimizer/empty-state': optimizer(() => ({ parameters: [] })),
  'optimizer/lost-state': optimizer(({ parameters }) => ({ parameters: parameters.slice(0, 5) })),
  'optimizer/settings-mismatch': optimizer(({ groups }) => ({
    groups: groups.map((group, i) => (i === 0 ? { ...group, hyper: { ...group.hyper, betas: [0, 0] } } : group)),
  })),
  'optimizer/learning-rate': optimizer(({ groups }) => ({
    groups: groups.map((group, i) => (i === 0 ? { ...group, lr: Number.NaN } : group)),
  })),
  'scheduler/rate-mismatch': optimizer(({ groups }) => ({
    groups: groups.map((group, i) => (i === 0 ? { ...group, lr: 0.5 } : group)),
  })),
  'scheduler/learning-rate': ({ state }) => ({
    state: { ...state, schedulers: state.schedulers.map((each) => ({ ...each, lastLr: [Number.NaN, Number.NaN] })) },
  }),
  'scaler/malformed': ({ state }) => ({
    state: {
      ...state,
      records: [...state.records, { file: 'scaler.pt', component: 'scaler', value: { scale: 65536 } }],
    },
  }),
  'trainer/state-contradicts': trainerState(() => ({ epoch: 55 })),
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
  'weights/borrowed': rebuilt('weights', 'model.safetensors'),
  'optimizer/rebuilt': rebuilt('optimizer', 'optimizer.pt'),
  'scheduler/rebuilt': rebuilt('scheduler', 'scheduler.pt'),
  'scaler/rebuilt': rebuilt('scaler', 'scaler.pt'),
  'rng/rebuilt': rebuilt('rng', 'rng_state.pth'),
  'trainer/rebuilt': rebuilt('trainer', 'trainer_state.json'),
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
