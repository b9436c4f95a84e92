import { referenceKernel } from '../../../src/core/analysis/reference'
import { memorySource } from '../../../src/core/bytes/source'
import {
  type Checkpoint,
  COMPONENTS,
  type ComponentId,
  type ComponentStatus,
  type StateFile,
  type TrainingState,
} from '../../../src/core/checkpoint/checkpoint'
import { type DType, itemSize } from '../../../src/core/checkpoint/dtype'
import { contiguousStrides, numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import type { Plain } from '../../../src/core/decode/plain'
import type { Finding } from '../../../src/core/finding'
import type { Rule } from '../../../src/core/verify/rule'
import { Values } from '../../../src/core/verify/values'

export interface TensorSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype?: DType
  readonly file?: string
  readonly component?: ComponentId
  /** Row-major float32 values. Without them the tensor has none. */
  readonly values?: ArrayLike<number>
}

export interface CheckpointSpec {
  readonly layout?: Checkpoint['layout']
  readonly tensors?: readonly TensorSpec[]
  readonly config?: Plain
  readonly components?: { readonly [id in ComponentId]?: ComponentStatus }
  readonly state?: Partial<TrainingState>
  readonly findings?: readonly Finding[]
}

/** A checkpoint as opening one would have made it. */
export function checkpointOf(spec: CheckpointSpec): Checkpoint {
  const tensors = (spec.tensors ?? []).map(tensorOf)
  const files = [...new Set(tensors.map(({ file }) => file))].map((path): StateFile => {
    const own = tensors.filter(({ file }) => file === path)
    return { path, size: 0, kind: 'torch-zip', tensors: own, globals: [], findings: [] }
  })
  return {
    path: '/somewhere/checkpoint',
    name: 'checkpoint',
    layout: spec.layout ?? 'folder',
    layoutLabel: 'Made by hand',
    files,
    tensors,
    components: (Object.keys(COMPONENTS) as ComponentId[]).map((id) => ({
      id,
      label: COMPONENTS[id],
      status: spec.components?.[id] ?? (id === 'weights' ? 'present' : 'not-applicable'),
      files: tensors.filter(({ component }) => component === id).map(({ file }) => file),
    })),
    state: { counters: [], optimizers: [], schedulers: [], rng: [], records: [], ...spec.state },
    ...(spec.config !== undefined && { config: spec.config }),
    findings: spec.findings ?? [],
    close() {},
  }
}

export function tensorOf({
  name,
  shape,
  dtype = 'float32',
  file = 'model.bin',
  component = 'weights',
  values,
}: TensorSpec): Tensor {
  const bytes = new Uint8Array(values ? Float32Array.from(values).buffer : new ArrayBuffer(0))
  const source = memorySource(file, bytes)
  const block = { source, offset: 0, strides: contiguousStrides(shape), start: shape.map(() => 0), shape }
  return {
    name,
    dtype,
    shape,
    file,
    component,
    blocks: values ? [block] : [],
    storage: { key: name, byteLength: numel(shape) * itemSize(dtype) },
  }
}

/** What one rule finds. */
export async function findingsOf(rule: Rule, checkpoint: Checkpoint): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const finding of rule.check({ checkpoint, values: new Values(checkpoint, referenceKernel) }))
    found.push(finding)
  return found
}
