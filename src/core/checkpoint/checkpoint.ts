import type { GlobalUse } from '../decode/pickle/globals'
import type { PyValue } from '../decode/pickle/value'
import type { Plain } from '../decode/plain'
import type { Finding } from '../finding'
import type { Rebuilt, Renewed } from './rebuilt'
import type { Listed } from './saves'
import type { Tensor } from './tensor'

export const COMPONENTS = {
  weights: 'Weights',
  config: 'Config',
  tokenizer: 'Tokenizer',
  adapter: 'Adapter',
  optimizer: 'Optimizer',
  scheduler: 'Scheduler',
  scaler: 'Grad scaler',
  sampler: 'Sampler',
  rng: 'RNG state',
  trainer: 'Trainer state',
  custom: 'Custom objects',
} as const

export type ComponentId = keyof typeof COMPONENTS
/** `damaged`: some of it can be read, `missing`: nothing of it can. `not-applicable`: nobody asks for it. */
export type ComponentStatus = 'present' | 'missing' | 'damaged' | 'not-applicable'

export interface Component {
  readonly id: ComponentId
  readonly label: string
  readonly status: ComponentStatus
  /** Files it is in, relative to the checkpoint. */
  readonly files: readonly string[]
  /** One sentence when the status needs a reason: what was looked for, or why it does not apply. */
  readonly note?: string
}

/** Who wrote it. One adapter in `layouts/` for each. */
export type LayoutId =
  | 'trainer'
  | 'accelerate'
  | 'dcp'
  | 'deepspeed'
  | 'megatron'
  | 'peft'
  | 'diffusers'
  | 'folder'
  | 'file'
  | 'unknown'

/** What the bytes of one file turned out to be, by content and never by extension. */
export type FileKind =
  | 'safetensors'
  | 'torch-zip'
  | 'torch-legacy'
  | 'torch-tar'
  | 'torch-package'
  | 'torch-export'
  | 'state-archive'
  | 'tar'
  | 'pickle'
  | 'gguf'
  | 'hdf5'
  | 'keras'
  | 'onnx'
  | 'flax'
  | 'tensor-bundle'
  | 'npy'
  | 'npz'
  | 'dcp'
  | 'distcp'
  | 'tensorboard'
  | 'csv'
  | 'json'
  | 'text'
  | 'other'

/** A text inside an archive: code, settings. */
export interface StateText {
  /** Name of the record. */
  readonly path: string
  readonly size: number
  /** Throws AssayError where the record cannot be read. */
  read(): Promise<string>
}

/** One pickle of a file that holds several: a file of an archive, an object of a stream. */
export interface PickledMember {
  /** Name of the record, or which of the objects it is. */
  readonly path: string
  readonly value?: PyValue
  readonly globals: readonly GlobalUse[]
  /** The first opcode that `torch.load(weights_only=True)` does not know. */
  readonly refusedOpcode?: string
  readonly findings: readonly Finding[]
}

/** One file of a checkpoint, opened as far as its header. */
export interface StateFile {
  /** Relative to the checkpoint, forward slashes. */
  readonly path: string
  readonly size: number
  /** When it was last written, in milliseconds since 1970, as it was opened. */
  readonly modified?: number
  readonly kind: FileKind
  /** Tensors in the file, named by their state-dict key or their path in the pickle. */
  readonly tensors: readonly Tensor[]
  /** Root object of a pickled file. */
  readonly value?: PyValue
  /** The first opcode in `value` that `torch.load(weights_only=True)` does not know. */
  readonly refusedOpcode?: string
  /** The pickles of a file that has several, each with its own root. */
  readonly members?: readonly PickledMember[]
  /** `__metadata__` of safetensors. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Records of an archive that people can read, none read yet. */
  readonly texts?: readonly StateText[]
  /** Set where a repair made the file anew, or parts of it: from what. */
  readonly rebuilt?: readonly Renewed[]
  /** Names of tensors that a repair of the file could not save. */
  readonly lost?: readonly string[]
  /** Names of tensors that a repair of the file gave their shape back. */
  readonly reshaped?: readonly string[]
  /** Set where the file keeps pieces of tensors that are put together with those of other files. */
  readonly inPieces?: true
  /** Every global that unpickling would import, with where it was met. */
  readonly globals: readonly GlobalUse[]
  /** What is wrong with the file itself. A file that cannot be opened at all has no tensors and one error here. */
  readonly findings: readonly Finding[]
}

export interface ParamGroup {
  /** Positions (or fully qualified names, under FSDP) of its parameters. */
  readonly params: readonly (number | string)[]
  /** `param_names`, where the optimizer was built from named parameters. */
  readonly names?: readonly string[]
  readonly lr?: number
  readonly initialLr?: number
  readonly weightDecay?: number
  /** Everything else in the group, as plain values. */
  readonly hyper: Readonly<Record<string, Plain>>
}

export interface OptimizerParameter {
  readonly key: number | string
  /** `exp_avg`, `exp_avg_sq`, `momentum_buffer`, `step` ... that are tensors. */
  readonly tensors: Readonly<Record<string, Tensor>>
  /** Entries that are plain numbers (`step` as an int, `RMS` ...). */
  readonly scalars: Readonly<Record<string, number>>
}

export interface OptimizerState {
  readonly file: string
  readonly groups: readonly ParamGroup[]
  readonly parameters: readonly OptimizerParameter[]
  /** Steps taken as the first parameter that tells counts them. */
  readonly step?: number
}

export interface SchedulerState {
  readonly file: string
  readonly lastEpoch?: number
  readonly stepCount?: number
  readonly lastLr: readonly number[]
  readonly baseLrs: readonly number[]
  /** The whole state dict as plain values. */
  readonly value: Plain
}

export interface RngState {
  readonly file: string
  /** Process it belongs to; undefined where the file does not say. */
  readonly rank?: number
  /** `python`, `numpy`, `torch`, `cuda` ... found in it. */
  readonly generators: readonly string[]
  /** Why it would not load, if it would not. */
  readonly malformed?: string
}

/** What one generator was at, as the file keeps it. */
export interface GeneratorState {
  readonly file: string
  readonly rank?: number
  /** `python`, `numpy`, `torch`, `cuda` ... */
  readonly generator: string
  readonly value: PyValue
  /** Those in `value`, in its order. */
  readonly tensors: readonly Tensor[]
}

/** Plain values found beside the weights: trainer_state.json, the scalars of training_state.pt, a custom object's state. */
export interface StateRecord {
  readonly file: string
  readonly component: ComponentId
  readonly value: Plain
}

/** A count of steps, and who says so. Rules compare them. */
export interface Counter {
  /** `folder name`, `trainer_state.global_step`, `optimizer.step`, `scheduler.last_epoch` ... */
  readonly source: string
  readonly file: string
  readonly value: number
}

export interface TrainingState {
  readonly step?: number
  readonly epoch?: number
  /** Processes that trained, where it can be told. */
  readonly worldSize?: number
  /** Set where a repair has made the random states for that many, whatever number trained. */
  readonly resized?: true
  readonly counters: readonly Counter[]
  readonly optimizers: readonly OptimizerState[]
  readonly schedulers: readonly SchedulerState[]
  readonly rng: readonly RngState[]
  /** The states that `rng` names, for those who compare them. */
  readonly generators?: readonly GeneratorState[]
  readonly records: readonly StateRecord[]
}

/** A checkpoint, whatever wrote it. Holds open files: call `close`. */
export interface Checkpoint {
  /** Absolute path of the file or folder. */
  readonly path: string
  readonly name: string
  readonly layout: LayoutId
  /** Such as `HF Trainer checkpoint`. */
  readonly layoutLabel: string
  readonly files: readonly StateFile[]
  readonly components: readonly Component[]
  /** Other weights of the same model beside those that loaders take. No tensor of theirs is among `tensors`. */
  readonly passedOver?: readonly StateFile[]
  /** Of every file; `component` tells weights from moments. Index in this list is a tensor's identity for a face. */
  readonly tensors: readonly Tensor[]
  readonly state: TrainingState
  /** config.json (or adapter_config.json of an adapter), parsed. */
  readonly config?: Plain
  /** Found while opening: everything that needs no rule to see it. */
  readonly findings: readonly Finding[]
  /** States that a repair made anew. */
  readonly rebuilt?: readonly Rebuilt[]
  close(): void
}

/** A folder of checkpoints, of one run or of several; those of a run together, oldest first. */
export interface Run {
  readonly path: string
  readonly name: string
  readonly checkpoints: readonly Listed[]
}
