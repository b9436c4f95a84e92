import type { ByteSource } from '../bytes/source'
import type { Checkpoint, OptimizerParameter, OptimizerState } from '../checkpoint/checkpoint'
import { byteLength, contiguousStrides, numel, sameShape, type Tensor } from '../checkpoint/tensor'
import type { RuleId } from '../finding'
import { momentsInOneDimension, parameterNames } from '../verify/optimizer/names'
import { shapeText } from '../verify/text'
import type { Context } from './context'
import { whyNotRewritable } from './rewritable'
import { isFilled } from './sources'
import { ZEROED } from './state/zeroed'
import type { Change, Choice, Proposal } from './steps'

const known = new WeakMap<Context, Promise<ReadonlyMap<string, readonly Proposal[]>>>()

/**
 * Optimizers of which only some moments are spoilt, by file: steps that mend those and keep all others. An optimizer with which more
 * is wrong is not among them. Reads moments of other saves where they are to take the place of spoilt ones.
 */
export function mendedMoments(context: Context): Promise<ReadonlyMap<string, readonly Proposal[]>> {
  const made = known.get(context) ?? collected(context)
  known.set(context, made)
  return made
}

/** The optimizers with which something is wrong. */
export function spoiltOptimizers({ checkpoint, verification }: Context): OptimizerState[] {
  return checkpoint.state.optimizers.filter(({ file }) => errorsOf(file, verification).length > 0)
}

function errorsOf(file: string, { findings }: Context['verification']) {
  const isOf = ({ rule, subject, evidence }: (typeof findings)[number]) =>
    subject === file || (rule.startsWith('optimizer/') && evidence?.file === file)
  return findings.filter((each) => each.severity === 'error' && isOf(each))
}

async function collected(context: Context): Promise<Map<string, readonly Proposal[]>> {
  const mended = new Map<string, readonly Proposal[]>()
  for (const optimizer of spoiltOptimizers(context)) {
    const file = context.checkpoint.files.find(({ path }) => path === optimizer.file)
    if (!file || whyNotRewritable(file) !== undefined) continue
    const proposals = await proposalsFor(optimizer, context)
    if (proposals) mended.set(optimizer.file, proposals)
  }
  for (const [path, proposals] of flattenedAlike(context)) mended.set(path, proposals)
  return mended
}

/** Moments that were flattened together with weights: those look wrong only once all weights have their shapes back. */
function flattenedAlike(context: Context): [string, readonly Proposal[]][] {
  const { checkpoint, diagnoses, verification } = context
  const shapes = new Map<Tensor, readonly number[]>()
  for (const [tensor, diagnosis] of diagnoses) {
    if (diagnosis.kind !== 'flattened') return []
    shapes.set(tensor, diagnosis.expected.shape)
  }
  if (shapes.size === 0) return []
  const tensors = checkpoint.tensors.map((tensor) => ({ ...tensor, shape: shapes.get(tensor) ?? tensor.shape }))
  const model = { ...checkpoint, tensors }
  return checkpoint.state.optimizers.flatMap((optimizer): [string, readonly Proposal[]][] => {
    const file = checkpoint.files.find(({ path }) => path === optimizer.file)
    if (!file || whyNotRewritable(file) !== undefined || errorsOf(file.path, verification).length > 0) return []
    const proposals = reshapes(optimizer, { ...context, checkpoint: model })
    return proposals ? [[file.path, proposals]] : []
  })
}

/** Undefined where some of what is wrong with the optimizer is not mended so. */
async function proposalsFor(optimizer: OptimizerState, context: Context): Promise<Proposal[] | undefined> {
  const proposals: Proposal[] = []
  const spoilt = new Set<string>()
  for (const { rule, subject } of errorsOf(optimizer.file, context.verification)) {
    if (SPOILT.has(rule)) spoilt.add(subject)
    else if (rule !== 'optimizer/shape-mismatch') return undefined
    else {
      const reshaped = reshapes(optimizer, context)
      if (!reshaped) return undefined
      proposals.push(...reshaped)
    }
  }
  for (const parameter of optimizer.parameters) {
    const slots = Object.keys(parameter.tensors).filter((slot) => spoilt.delete(parameter.tensors[slot]?.name ?? ''))
    const step = slots.length === 0 ? undefined : await refilled(parameter, slots, optimizer, context)
    if (slots.length > 0 && !step) return undefined
    if (step) proposals.push(step)
  }
  return spoilt.size === 0 ? proposals : undefined
}

const SPOILT: ReadonlySet<RuleId> = new Set<RuleId>(['optimizer/non-finite', 'optimizer/negative-second-moment'])

/** A step for each parameter whose moments were saved in one dimension; undefined where that is not all that is wrong with the shapes. */
function reshapes(optimizer: OptimizerState, { checkpoint }: Context): Proposal[] | undefined {
  const flat = momentsInOneDimension(checkpoint, optimizer)
  if (!flat || flat.length === 0) return undefined
  return flat.map(({ name, shape, moments, sure }) => {
    const [first] = moments as [Tensor]
    const after = shapeText(shape)
    return {
      kind: 'reshape',
      subject: first.name,
      action: `Reshape the moments of ${name} (${slotsText(moments)}) to ${after}`,
      evidence: `${name} is ${after} and has as many values, ${numel(shape)}; all moments stand in the order of the weights then`,
      confidence: sure ? 'certain' : 'likely',
      before: shapeText(first.shape),
      after,
      changes: moments.map((tensor) => ({ tensor, shape })),
      rules: ['optimizer/shape-mismatch'],
      others: (subject) => subject === optimizer.file,
    }
  })
}

/** Averages of gradients: they are right again after some steps, whatever they begin with. */
const AVERAGES: ReadonlySet<string> = new Set(['exp_avg', 'momentum_buffer'])

/**
 * Zeros for the average of the gradients, which is of its own step. Averages of squares hardly change from save to save, and at zero
 * under a count of many steps they would make the next ones far too long: they are taken from another save of the run, or the
 * parameter's state begins anew, count and all. Undefined where neither can be done.
 */
async function refilled(
  parameter: OptimizerParameter,
  slots: readonly string[],
  optimizer: OptimizerState,
  context: Context,
): Promise<Proposal | undefined> {
  const { checkpoint } = context
  const name = parameterNames(checkpoint, optimizer).names.get(parameter.key) ?? `parameter ${parameter.key}`
  const spoilt = slots.map((slot) => parameter.tensors[slot] as Tensor)
  const base = {
    kind: 'rebuild-state' as const,
    subject: spoilt[0]?.name ?? name,
    part: name,
    rules: [...SPOILT],
    others: (subject: string) => spoilt.some((tensor) => tensor.name === subject),
    confidence: 'likely' as const,
  }
  const kept = 'All other moments are kept'
  if (slots.every((slot) => AVERAGES.has(slot))) {
    const evidence = `${worthless(slots)}. An average of gradients fills again within some steps. ${kept}`
    return {
      ...base,
      action: `Let ${slots.join(' and ')} of ${name} start from zero`,
      evidence,
      changes: spoilt.map(zeroed),
    }
  }
  const choices: Choice[] = []
  const source = await elsewhere(parameter, slots, optimizer, context)
  if (source) {
    const { from, values } = source
    const averages = slots.filter((slot) => AVERAGES.has(slot))
    const rest = averages.length > 0 ? `; ${averages.join(' and ')} starts from zero` : ''
    choices.push({
      id: from.name,
      action: `Take ${slots.filter((slot) => !AVERAGES.has(slot)).join(' and ')} of ${name} from ${from.name}${rest}`,
      evidence: `${from.name}, of the same run, has it whole, and averages of squares hardly change from save to save. ${kept}`,
      changes: spoilt.map((tensor, i) => {
        const other = values.get(slots[i] as string)
        return other ? { tensor, shape: tensor.shape, values: other, dtype: tensor.dtype } : zeroed(tensor)
      }),
    })
  }
  if (canRestart(parameter)) {
    choices.push({
      id: 'anew',
      action: `Let the moments of ${name} start from zero`,
      evidence: `${worthless(slots)}. Its steps are counted from 0 as well, so that their bias is corrected. ${kept}`,
      changes: Object.values(parameter.tensors).map(zeroed),
    })
  }
  const [first, ...others] = choices
  if (!first) return undefined
  const { id: _, ...step } = first
  return { ...base, ...step, ...(others.length > 0 && { choices }) }
}

/** Whether zeros are what the whole state of a parameter begins with, its count of steps among it. */
function canRestart({ tensors, scalars }: OptimizerParameter): boolean {
  const slots = Object.keys(tensors)
  return (
    slots.includes('step') && scalars.step === undefined && slots.every((slot) => slot === 'step' || ZEROED.has(slot))
  )
}

/** Another save of the run with sound values for the averages of squares among `slots`. */
async function elsewhere(
  { key, tensors }: OptimizerParameter,
  slots: readonly string[],
  { file, parameters }: OptimizerState,
  context: Context,
): Promise<{ readonly from: Checkpoint; readonly values: ReadonlyMap<string, Tensor> } | undefined> {
  const wanted = slots.filter((slot) => !AVERAGES.has(slot))
  // A count of steps is of its own save.
  if (wanted.includes('step')) return undefined
  for (const from of await context.neighbours()) {
    // A file may keep several optimizers of the same shapes: the names of their tensors tell them apart.
    const isSame = (each: OptimizerState) =>
      each.file === file &&
      each.parameters.length === parameters.length &&
      wanted.every((slot) => parameterOf(each, key)?.tensors[slot]?.name === tensors[slot]?.name)
    const other = from.rebuilt ? undefined : from.state.optimizers.find(isSame)
    const values = new Map<string, Tensor>()
    for (const slot of wanted) {
      const [tensor, found] = [tensors[slot], other && parameterOf(other, key)?.tensors[slot]]
      const fits = tensor && found && found.dtype === tensor.dtype && sameShape(found.shape, tensor.shape)
      if (fits && isFilled(found) && (await context.soundness.of(found, context))) values.set(slot, found)
    }
    if (values.size === wanted.length) return { from, values }
  }
  return undefined
}

function parameterOf({ parameters }: OptimizerState, key: OptimizerParameter['key']): OptimizerParameter | undefined {
  return parameters.find((each) => each.key === key)
}

function zeroed(tensor: Tensor): Change {
  const { dtype, shape } = tensor
  const source = zeros(tensor.name, byteLength({ dtype, shape }))
  const block = { source, offset: 0, strides: contiguousStrides(shape), start: shape.map(() => 0), shape }
  return {
    tensor,
    shape,
    dtype,
    values: { name: tensor.name, dtype, shape, file: tensor.file, component: tensor.component, blocks: [block] },
  }
}

/** `size` bytes of zeros, made as they are read. */
function zeros(name: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(_, target) {
      target.fill(0)
    },
    close() {},
  }
}

function worthless(slots: readonly string[]): string {
  return `${slots.join(' and ')} ${slots.length === 1 ? 'holds' : 'hold'} values that are worth nothing`
}

function slotsText(moments: readonly Tensor[]): string {
  return moments.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)).join(', ')
}
