import { numpyTensorOf } from '../../decode/pickle/numpy-tensor'
import { torchTensorOf } from '../../decode/pickle/torch'
import { mappingOf, PyGlobal, PyObject, PyPersistent, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { Finding } from '../../finding'
import type { ComponentId, StateFile } from '../checkpoint'
import type { Draft } from '../draft'
import { filesLike, hasFile, RANK } from '../listing'
import { isLog } from '../logs'
import { openShards } from '../shards'
import { markWeights } from '../weights'
import { notApplicable, openConfig } from './common'
import { countRankFiles, roleOf } from './folder'
import type { Layout } from './layout'
import { producerOf } from './producers'
import { settleStates } from './states'

/** One file by itself: bare weights, or a training dict with everything; with what a script wrote beside it at the same step. */
export const file: Layout = {
  id: 'file',
  label: 'Single file',
  matches: (listing) => listing.only !== undefined,
  async open(draft) {
    const { listing } = draft
    const path = listing.only as string
    const { parts = [] } = listing
    if (/\.index(\.[\w-]+)?\.json$/.test(path)) {
      const shards = await openShards(draft, path, 'weights')
      markWeights(draft, shards, 'weights', `None of the shards that ${path} names can be read`, path)
      draft.label = 'Sharded weights'
    } else {
      const opened = await draft.open(path, 'weights')
      draft.label = parts.length > 0 ? 'Training files' : labelOf(opened)
      markFile(draft, opened)
      for (const part of parts) await draft.open(part, roleOf(part, true))
    }
    if (draft.config === undefined && hasFile(listing, 'config.json')) {
      await openConfig(draft, notApplicable(''))
    } else {
      draft.markFiles(
        'config',
        draft.holders('config'),
        notApplicable('No config in the file and no config.json beside it'),
      )
    }
    draft.mark('tokenizer', 'not-applicable', [], 'A single file holds none')
    const holdsNothing = draft.component('weights').status === 'missing' && isReadable(draft)
    if (holdsNothing || draft.files.some(isLog)) nothingToResume(draft)
    else settleStates(draft, parts.length > 0 ? `in ${path} or beside it` : `in ${path}`)
    if (draft.component('weights').status === 'not-applicable') excuseOthers(draft)
    if (isPart(draft)) leaveToOthers(draft)
    countRankFiles(draft, siblings(draft, path))
  },
}

/** Files of the same name but for the rank. */
function siblings(draft: Draft, path: string): string[] {
  if (!RANK.test(path)) return []
  const form = path.replace(RANK, '*')
  return filesLike(draft.listing, RANK).filter((name) => name.replace(RANK, '*') === form)
}

/** What a file of a checkpoint folder may hold alone, as it is spoken of. */
const STATES: readonly (readonly [ComponentId, string])[] = [
  ['optimizer', 'the state of the optimizer'],
  ['scheduler', 'the state of the scheduler'],
  ['scaler', 'the state of the gradient scaler'],
  ['sampler', 'the state of the sampler'],
  ['rng', 'random states'],
]

function markFile(draft: Draft, opened: StateFile): void {
  if (isLog(opened)) {
    draft.mark('weights', 'not-applicable', [], `${opened.path} is a log of training; the weights are kept elsewhere`)
    if (draft.counters.length > 0) draft.markFiles('trainer', [opened], notApplicable(''))
    return
  }
  if (isTensor(opened) && draft.holders('rng').length === 0) {
    draft.mark('weights', 'not-applicable', [], `${opened.path} holds one tensor and no state dict`)
    return
  }
  const [state] = STATES.filter(([id]) => draft.holders(id).includes(opened))
  const alone = state !== undefined && !opened.tensors.some(({ component }) => component === 'weights')
  if (alone && draft.holders('trainer').length === 0) {
    draft.mark('weights', 'not-applicable', [], `This file holds ${state[1]}; the weights are kept elsewhere`)
    return
  }
  markWeights(draft, [opened], 'weights', `${opened.path} holds no tensors`)
}

/** Whether the file could be read and simply holds nothing. */
function isReadable(draft: Draft): boolean {
  return draft.files.every(({ findings }) => findings.every(({ rule }) => !rule.startsWith('file/')))
}

/** Whether the file is the state of one component, whose others lie beside it. */
function isPart(draft: Draft): boolean {
  const { status } = draft.component('weights')
  return status === 'not-applicable' && !draft.files.some(isLog) && draft.holders('trainer').length === 0
}

function leaveToOthers(draft: Draft): void {
  for (const id of ['optimizer', 'scheduler', 'rng'] as const) {
    if (draft.component(id).status === 'missing') {
      draft.mark(id, 'not-applicable', [], 'This file is one part of a checkpoint; others are kept beside it')
    }
  }
}

/** A single array or tensor: an embedding, a mask, a batch of data. */
function isTensor({ value }: StateFile): boolean {
  return value !== undefined && (torchTensorOf(value) ?? numpyTensorOf(value)) !== undefined
}

/** What is one part by itself does not lack the others. */
function excuseOthers(draft: Draft): void {
  for (const id of ['optimizer', 'scheduler', 'rng'] as const) {
    if (draft.component(id).status === 'missing') draft.mark(id, 'not-applicable', [], 'The file is one part by itself')
  }
}

function nothingToResume(draft: Draft): void {
  for (const id of ['optimizer', 'scheduler', 'rng'] as const) {
    draft.mark(id, 'not-applicable', [], 'There is nothing in the file that could be resumed')
  }
}

/** The class of a whole pickled module, which keeps its tensors in `_parameters` (torch/nn/modules/module.py). */
function moduleClass(value: PyValue | undefined): string | undefined {
  if (!(value instanceof PyObject) || !mappingOf(value.state)?.has('_parameters')) return undefined
  // The legacy stream names the class by ('module', class, source file, source).
  const made = value.callable instanceof PyPersistent ? sequenceOf(value.callable.id)?.[1] : value.callable
  return made instanceof PyGlobal ? made.path : undefined
}

/** `an ONNX model` as a label: `ONNX model`. */
function foreignLabel({ evidence }: Finding): string {
  const what = typeof evidence?.what === 'string' ? evidence.what.replace(/^an? /, '') : 'single file'
  return what.charAt(0).toUpperCase() + what.slice(1)
}

function labelOf({ kind, value, tensors, findings }: StateFile): string {
  const foreign = tensors.length === 0 ? findings.find(({ rule }) => rule === 'file/unknown-format') : undefined
  if (foreign && kind !== 'npy' && kind !== 'npz') return foreignLabel(foreign)
  const producer = producerOf(value)
  if (producer) return producer.label
  const script =
    value instanceof PyObject && value.callable instanceof PyGlobal && value.callable.module.startsWith('__torch__')
  if (script && kind === 'torch-zip') return 'TorchScript archive'
  const module = moduleClass(value)
  if (module !== undefined && kind !== 'torch-package') return `Pickled module (${module})`
  if (value !== undefined && torchTensorOf(value)) return 'PyTorch tensor'
  switch (kind) {
    case 'safetensors':
      return 'safetensors file'
    case 'torch-zip':
      return 'PyTorch file'
    case 'torch-legacy':
      return 'PyTorch file of the form before 1.6'
    case 'torch-tar':
      return 'PyTorch file of the form before 0.2'
    case 'torch-package':
      return 'torch.package archive'
    case 'torch-export':
      return 'Exported PyTorch program'
    case 'state-archive':
      return 'Archive of state files'
    case 'pickle':
      return 'Python pickle'
    case 'gguf':
      return 'GGUF model'
    case 'keras':
      return 'Keras model'
    case 'hdf5':
      return 'HDF5 file'
    case 'onnx':
      return 'ONNX model'
    case 'flax':
      return 'Flax checkpoint'
    case 'tensor-bundle':
      return 'TensorFlow checkpoint'
    case 'npy':
      return 'NumPy array'
    case 'npz':
      return 'NumPy archive'
    case 'tensorboard':
      return 'TensorBoard log'
    case 'csv':
      return 'Metrics log'
    case 'json':
      return findings.length === 0 ? 'State of a Trainer' : 'Single file'
    default:
      return 'Single file'
  }
}
