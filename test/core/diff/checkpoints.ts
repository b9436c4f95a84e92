import { memorySource } from '../../../src/core/bytes/source'
import type { Checkpoint, TrainingState } from '../../../src/core/checkpoint/checkpoint'
import type { DType } from '../../../src/core/checkpoint/dtype'
import { contiguousStrides, type Tensor } from '../../../src/core/checkpoint/tensor'

const EMPTY: TrainingState = { counters: [], optimizers: [], schedulers: [], rng: [], records: [] }

/** A checkpoint that exists only in memory. */
export function checkpoint(
  tensors: readonly Tensor[],
  state: Partial<TrainingState> = {},
  more: Partial<Checkpoint> = {},
): Checkpoint {
  return {
    path: '/somewhere',
    name: 'somewhere',
    layout: 'folder',
    layoutLabel: 'folder',
    files: [],
    components: [],
    findings: [],
    tensors,
    state: { ...EMPTY, ...state },
    close() {},
    ...more,
  }
}

export function weights(
  name: string,
  dtype: DType,
  shape: readonly number[],
  bytes: Uint8Array,
  more: Partial<Tensor> = {},
): Tensor {
  const source = memorySource('model.safetensors', bytes)
  const block = { source, offset: 0, strides: contiguousStrides(shape), start: shape.map(() => 0), shape }
  return { name, dtype, shape, file: 'model.safetensors', component: 'weights', blocks: [block], ...more }
}

export function floats(name: string, values: readonly number[], more: Partial<Tensor> = {}): Tensor {
  return weights(name, 'float32', more.shape ?? [values.length], new Uint8Array(Float32Array.from(values).buffer), more)
}
