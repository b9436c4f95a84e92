import type { Checkpoint } from '../checkpoint/checkpoint'
import { masteredIn } from '../checkpoint/masters'
import { byteLength, contiguousStrides, numel, sameShape, type Tensor } from '../checkpoint/tensor'
import type { Finding, RuleId } from '../finding'
import { commonWrapper, holdsWrapper } from './shapes/names'

/** What a table marks a tensor with. */
export type TensorFlag =
  | 'flattened'
  | 'rank-shard'
  | 'placeholder'
  | 'empty'
  | 'no-values'
  | 'truncated'
  | 'tied'
  | 'view'
  | 'wrapper-prefix'
  | 'non-finite'
  | 'frozen'
  | 'sparse'
  | 'quantized'

const FLAG_OF: { readonly [rule in RuleId]?: TensorFlag } = {
  'weights/flattened': 'flattened',
  'weights/rank-shard': 'rank-shard',
  'weights/placeholder': 'placeholder',
  'weights/non-finite': 'non-finite',
  'optimizer/non-finite': 'non-finite',
}

const known = new WeakMap<readonly Finding[], ReadonlyMap<number, readonly TensorFlag[]>>()

/**
 * The flags of every tensor that has any, by its index in the checkpoint's list. Made once for the findings of one
 * verification: tables ask for them page by page.
 */
export function flagsOf(
  checkpoint: Checkpoint,
  findings: readonly Finding[],
): ReadonlyMap<number, readonly TensorFlag[]> {
  const flags = known.get(findings) ?? mark(checkpoint, findings)
  known.set(findings, flags)
  return flags
}

function mark(checkpoint: Checkpoint, findings: readonly Finding[]): Map<number, TensorFlag[]> {
  const found = byName(findings)
  const shared = sharedStorages(checkpoint)
  const wrapped = wrappedNames(checkpoint)
  const trained = new Set(checkpoint.tensors.filter((tensor) => tensor.requiresGrad).map(({ file }) => file))
  const isMastered = masteredIn(checkpoint.tensors)
  const flags = new Map<number, TensorFlag[]>()
  checkpoint.tensors.forEach((tensor, index) => {
    const { name, file, shape, requiresGrad } = tensor
    const own = new Set<TensorFlag>()
    if (tensor.whole) own.add('rank-shard')
    if (tensor.form) own.add(tensor.form.kind)
    if (found.size > 0) {
      for (const key of [`${file}\0${name}`, `\0${name}`]) for (const flag of found.get(key) ?? []) own.add(flag)
    }
    if (numel(shape) === 0) {
      own.add('empty')
      for (const flag of found.get(`\0${file}`) ?? []) own.add(flag)
    } else if (tensor.blocks.length === 0) own.add('no-values')
    else if (isCutOff(tensor)) own.add('truncated')
    const twins = shared.get(storageKey(tensor)) ?? []
    if (twins.some((twin) => twin !== tensor && isSame(twin, tensor))) own.add('tied')
    else if (isView(tensor)) own.add('view')
    if (wrapped.has(tensor)) own.add('wrapper-prefix')
    const isStill = requiresGrad === false && tensor.component === 'weights' && trained.has(file)
    if (isStill && !isMastered(tensor)) own.add('frozen')
    if (own.size > 0) flags.set(index, [...own])
  })
  return flags
}

/** Flags by `file\0tensor`, or by `\0subject` where the finding names no file. */
function byName(findings: readonly Finding[]): Map<string, TensorFlag[]> {
  const found = new Map<string, TensorFlag[]>()
  for (const { rule, subject, evidence } of findings) {
    const flag = FLAG_OF[rule]
    const file = evidence?.file
    const key = typeof file === 'string' && file !== subject ? `${file}\0${subject}` : `\0${subject}`
    if (flag) found.set(key, [...(found.get(key) ?? []), flag])
  }
  return found
}

function storageKey({ file, storage }: Tensor): string {
  return storage ? `${file}\0${storage.key}` : ''
}

function sharedStorages({ tensors }: Checkpoint): Map<string, Tensor[]> {
  const shared = new Map<string, Tensor[]>()
  for (const tensor of tensors) {
    const key = storageKey(tensor)
    const twins = shared.get(key)
    if (key !== '' && twins) twins.push(tensor)
    else if (key !== '') shared.set(key, [tensor])
  }
  return shared
}

/** Two names for the same values. */
function isSame(a: Tensor, b: Tensor): boolean {
  const [left] = a.blocks
  const [right] = b.blocks
  return left !== undefined && right !== undefined && left.offset === right.offset && sameShape(a.shape, b.shape)
}

/** Part of a larger storage, or not in row-major order. */
function isView(tensor: Tensor): boolean {
  const [block] = tensor.blocks
  if (!tensor.storage || !block || tensor.blocks.length > 1) return false
  const strides = contiguousStrides(tensor.shape)
  const ordered = tensor.shape.every((extent, i) => extent === 1 || block.strides[i] === strides[i])
  return !ordered || tensor.storage.byteLength > byteLength(tensor)
}

/** The end of the file comes before the end of the values. */
function isCutOff(tensor: Tensor): boolean {
  return tensor.blocks.some(({ source, offset, strides, shape }) => {
    const last = shape.reduce((sum, extent, i) => sum + (extent - 1) * (strides[i] ?? 0), 0)
    const item = byteLength({ dtype: tensor.dtype, shape: [] })
    return offset + (last + 1) * item > source.size
  })
}

function wrappedNames({ tensors }: Checkpoint): Set<Tensor> {
  const files = new Map<string, Tensor[]>()
  for (const tensor of tensors) {
    if (tensor.component !== 'weights' && tensor.component !== 'adapter') continue
    const own = files.get(tensor.file)
    if (own) own.push(tensor)
    else files.set(tensor.file, [tensor])
  }
  const wrapped = new Set<Tensor>()
  for (const own of files.values()) {
    const prefix = commonWrapper(own.map(({ name }) => name))
    for (const tensor of own) {
      if ((prefix !== '' && tensor.name.startsWith(prefix)) || holdsWrapper(tensor.name)) wrapped.add(tensor)
    }
  }
  return wrapped
}
