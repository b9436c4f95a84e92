import type { Checkpoint } from '../checkpoint/checkpoint'
import { isFloating, itemSize } from '../checkpoint/dtype'
import { grouped } from '../checkpoint/grouped'
import { numel, sameShape, type Tensor } from '../checkpoint/tensor'
import { isReadable } from '../checkpoint/values'
import { fieldsOf } from '../decode/plain'
import { AssayError } from '../errors'
import type { RuleId } from '../finding'
import { Reference } from '../verify/reference'
import { averagesByWeight } from '../verify/shapes/averages'
import { weightsOf } from '../verify/shapes/evidence'
import { shapeText } from '../verify/text'
import type { Verification } from '../verify/verify'
import { castTargets } from './cast'
import type { Context } from './context'
import { mastersByName } from './masters'
import { twinOf } from './ties'

/** A place that lost values can be taken from. */
export interface Source {
  /** What the user calls it to choose it. */
  readonly id: string
  /**
   * `same`: these are the values that were lost. `reading`: what the file means by all that is known, `claim`: what it may mean.
   * `reference`: the user named it. `run`: another checkpoint of the run.
   */
  readonly rank: 'same' | 'reading' | 'claim' | 'reference' | 'run'
  readonly values: Tensor
  /** What a sentence calls it, where that is not its id. */
  readonly place?: string
  readonly evidence: string
}

/**
 * Where the values of a tensor can come from, the surest first: the tensor it is tied to, the master weights of its optimizer,
 * the reference, other checkpoints of the run. `shape`, where it is known, has to be theirs. Reads no values.
 */
export async function sourcesOf(
  tensor: Tensor,
  shape: readonly number[] | undefined,
  context: Context,
): Promise<Source[]> {
  const parts = await inParts(tensor, context)
  const exact = parts.filter(({ values }) => values.dtype === tensor.dtype)
  const all = [
    ...[...twins(tensor, context), ...(await sharers(tensor, context)), ...exact, ...masters(tensor, context)],
    ...parts.filter((each) => !exact.includes(each)),
    ...(await elsewhere(tensor, context)),
  ]
  return all.filter(({ values }) => {
    const same = values.dtype === tensor.dtype || (castTargets.has(tensor.dtype) && isFloating(values.dtype))
    return same && isFilled(values) && (shape === undefined || sameShape(shape, values.shape))
  })
}

/** Those without a NaN or an infinity in them in turn. Reads their values, unless that was done before. */
export async function soundOf(sources: readonly Source[], context: Context): Promise<Source[]> {
  const sound: Source[] = []
  for (const each of sources) if (await context.soundness.of(each.values, context)) sound.push(each)
  return sound
}

/** Findings of moments that no weight here has: those of a weight that was lost, or of another model. */
export const MOMENTS_OVER: readonly RuleId[] = ['optimizer/parameter-mismatch', 'optimizer/shape-mismatch']

/** Whether the finding is that an optimizer keeps moments of the shape of `values`, which no weight here has. */
export function lackedMoments(
  rule: RuleId,
  subject: string,
  { shape }: Tensor,
  { findings }: Pick<Verification, 'findings'>,
): boolean {
  if (!MOMENTS_OVER.includes(rule)) return false
  const told = findings.filter((each) => each.rule === rule && each.subject === subject)
  return told.some(({ evidence }) => Array.isArray(evidence?.shapes) && evidence.shapes.includes(shapeText(shape)))
}

/** The tensors that a file may mean by one of which it contradicts itself, of which all values are there. */
export function readingsOf({ doubt }: Tensor): Source[] {
  return (doubt?.readings ?? []).flatMap(({ id, sure, tensor, ...told }) =>
    isFilled(tensor) ? [{ id, rank: sure ? ('reading' as const) : ('claim' as const), values: tensor, ...told }] : [],
  )
}

/** Whether these are values of the tensor itself, if it is what they are taken for. */
export function isOwn({ rank }: Source): boolean {
  return rank !== 'reference' && rank !== 'run'
}

/** Whether there are values, all of them. */
export function isFilled(tensor: Tensor): boolean {
  return numel(tensor.shape) > 0 && isReadable(tensor)
}

/** A head and an embedding that the config ties are one tensor. */
function twins(tensor: Tensor, { checkpoint, weights }: Context): Source[] {
  const other = twinOf(tensor.name)
  if (!other || fieldsOf(checkpoint.config)?.tie_word_embeddings !== true) return []
  const found = weights.filter(({ name, file }) => other.test(name) && file === tensor.file)
  const [values] = found
  if (found.length !== 1 || !values) return []
  return [
    { id: values.name, rank: 'same', values, evidence: `config.json ties it to ${values.name}: they are one tensor` },
  ]
}

/** Weights of other names that another checkpoint of the run keeps in the same storage: a script has tied them. */
async function sharers(tensor: Tensor, { checkpoint, weights, neighbours }: Context): Promise<Source[]> {
  for (const other of await neighbours()) {
    const model = referenceTo(checkpoint, other)?.of(tensor)
    if (!model?.storage) continue
    const inStorage = byStorage(other).get(model.storage.key) ?? []
    const tied = inStorage.filter((each) => each !== model && isOnePlace(each, model)).map(({ name }) => name)
    if (tied.length === 0) continue
    const values = weights.find(({ name, file }) => name !== tensor.name && file === tensor.file && tied.includes(name))
    const evidence = `${other.name} keeps it and ${values?.name} in one storage: they are one tensor`
    if (values) return [{ id: values.name, rank: 'same', values, evidence }]
  }
  return []
}

/** Every lost tensor asks who shares its storage. */
const sharing = new WeakMap<Checkpoint, ReadonlyMap<string, readonly Tensor[]>>()

function byStorage(checkpoint: Checkpoint): ReadonlyMap<string, readonly Tensor[]> {
  const stored = () => weightsOf(checkpoint).filter(({ storage }) => storage)
  const made = sharing.get(checkpoint) ?? grouped(stored(), ({ storage }) => storage?.key ?? '')
  sharing.set(checkpoint, made)
  return made
}

function isOnePlace(a: Tensor, b: Tensor): boolean {
  const isOneStorage = a.storage !== undefined && a.file === b.file && a.storage.key === b.storage?.key
  return isOneStorage && sameShape(a.shape, b.shape) && a.blocks[0]?.offset === b.blocks[0]?.offset
}

/** The tensor in the parts that the ranks of a sharded training wrote. */
async function inParts(tensor: Tensor, { checkpoint, parts }: Context): Promise<Source[]> {
  return (await parts()).flatMap((part): Source[] => {
    const values = referenceTo(checkpoint, part)?.of(tensor)
    if (!values) return []
    return [{ id: part.name, rank: 'same', values, evidence: `${ofPart(part, values)}${roundedTo(values, tensor)}` }]
  })
}

/** What a folder of parts has of a tensor. */
export function ofPart({ name, state }: Checkpoint, { dtype, shape }: Tensor): string {
  const ranks = state.worldSize !== undefined && state.worldSize > 1 ? ` of ${state.worldSize} ranks` : ''
  return `${name}/ holds the same save in parts${ranks} and has it as ${dtype} ${shapeText(shape)}`
}

function roundedTo(values: Tensor, { dtype }: Tensor): string {
  if (values.dtype === dtype) return ''
  const isWider = itemSize(dtype) > itemSize(values.dtype)
  return isWider ? `, written as ${dtype}` : `, rounded to ${dtype} as the training does at each step`
}

/** The weight as the optimizer keeps it. */
function masters(tensor: Tensor, { checkpoint }: Context): Source[] {
  return (mastersByName(checkpoint).get(tensor.name) ?? []).map(({ values, file }): Source => {
    const evidence = `The optimizer keeps the weight itself in ${file}, as ${values.dtype} ${shapeText(values.shape)}${roundedTo(values, tensor)}`
    return { id: 'optimizer', rank: 'same', values, evidence }
  })
}

async function elsewhere(tensor: Tensor, { checkpoint, weights, reference, neighbours }: Context): Promise<Source[]> {
  const model = reference?.of(tensor)
  const named: Source[] =
    reference && model
      ? [{ id: reference.name, rank: 'reference', values: model, evidence: ofReference(reference.name, model) }]
      : []
  const others = await neighbours()
  return [
    ...named,
    ...averaged(tensor, weights),
    ...others.flatMap((other): Source[] => {
      const values = referenceTo(checkpoint, other)?.of(tensor)
      if (!values || values === model || other.name === reference?.name) return []
      const step = other.state.step === undefined ? '' : ` at step ${other.state.step}`
      const evidence = `${other.name}, of the same run${step}, has it as ${values.dtype} ${shapeText(values.shape)}. These are its values, not those that were trained here`
      return [{ id: other.name, rank: 'run', values, evidence }]
    }),
  ]
}

/** They are looked for among all weights at once, not for each that is lost. */
const averages = new WeakMap<readonly Tensor[], ReadonlyMap<Tensor, Tensor>>()

function averaged(tensor: Tensor, weights: readonly Tensor[]): Source[] {
  const found = averages.get(weights) ?? averagesByWeight(weights)
  averages.set(weights, found)
  const values = found.get(tensor)
  return values ? [{ id: values.name, rank: 'run', values, evidence: ofAverage(values) }] : []
}

/** What a running average of a tensor has. */
export function ofAverage({ name, dtype, shape }: Tensor): string {
  return `${name}, its running average, is here as ${dtype} ${shapeText(shape)}. These are not the values that were trained`
}

function ofReference(name: string, { dtype, shape }: Tensor): string {
  return `${name} has it as ${dtype} ${shapeText(shape)}. These are the reference's values, not those that were trained here`
}

/** Every lost tensor asks for the same pairs. */
const known = new WeakMap<Checkpoint, Known>()

type Known = WeakMap<Checkpoint, { readonly model: Reference | undefined }>

/** Two checkpoints brought together by the names of their tensors; undefined where they share none. */
export function referenceTo(checkpoint: Checkpoint, other: Checkpoint): Reference | undefined {
  const pairs: Known = known.get(checkpoint) ?? new WeakMap()
  known.set(checkpoint, pairs)
  const made = pairs.get(other) ?? { model: unlessStrange(checkpoint, other) }
  pairs.set(other, made)
  return made.model
}

function unlessStrange(checkpoint: Checkpoint, other: Checkpoint): Reference | undefined {
  try {
    return new Reference(checkpoint, other)
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}
