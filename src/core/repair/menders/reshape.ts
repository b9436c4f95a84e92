import { isFloating } from '../../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import { shapeText } from '../../verify/text'
import type { Context } from '../context'
import { type Likeness, likenessOf, unlessCancelled } from '../likeness'
import { referenceTo } from '../sources'
import type { Choice, Proposal } from '../steps'

/** Values of which the row-major order is the reference's have a cosine near 1; shuffled ones near 0. */
const SAME_ORDER = 0.9
/** Standard deviations further apart than this are not of one weight at two times. */
const PLAUSIBLE = 8

/** Gives flattened tensors their shape back: as the user says, as a reference has it, or as the checkpoint itself tells. */
export async function reshape(context: Context): Promise<Proposal[]> {
  const proposals: Proposal[] = []
  const beside = await besides(context)
  for (const tensor of context.weights) {
    const proposal = byHand(tensor, context) ?? (await byEvidence(tensor, context, beside))
    if (proposal) proposals.push(proposal)
  }
  return proposals
}

function byHand(tensor: Tensor, context: Context): Proposal | undefined {
  const { shapes, diagnoses } = context
  const shape = shapes.get(tensor.name)
  if (!shape || sameShape(shape, tensor.shape)) return undefined
  if (diagnoses.get(tensor)?.kind === 'rank-shard')
    return refusal(tensor, shape, 'It is one part of a tensor that was cut up for several ranks, whatever its shape')
  const [has, needs] = [numel(tensor.shape), numel(shape)]
  if (has !== needs) return refusal(tensor, shape, `It holds ${has} values, and ${shapeText(shape)} has ${needs}`)
  const against = contradictions(tensor, shape, context)
  if (against.length > 0)
    return proposalFor(tensor, shape, 'likely', `The shape was given by hand, but ${against.join(', and ')}`)
  return proposalFor(tensor, shape, 'certain', `The shape was given by hand; it has as many values, ${has}`)
}

/** What speaks against a shape that was given by hand. */
function contradictions(tensor: Tensor, shape: readonly number[], context: Context): string[] {
  const diagnosis = context.diagnoses.get(tensor)
  const told = diagnosis && 'expected' in diagnosis ? diagnosis.expected : undefined
  const rows = diagnosis?.kind === 'flattened-rows' ? diagnosis.rows : undefined
  const model = modelFor(tensor, context)
  return [
    ...(told && !sameShape(told.shape, shape) ? [`${told.source} gives ${shapeText(told.shape)}`] : []),
    ...(model && !sameShape(model.shape, shape)
      ? [`${context.reference?.name} has it as ${shapeText(model.shape)}`]
      : []),
    ...(rows !== undefined && !shape.includes(rows) ? [`its bias tells that one dimension is ${rows}`] : []),
  ]
}

/** The rest of the run, where shapes are lost that nothing else tells. */
async function besides(context: Context): Promise<Context[]> {
  const { checkpoint, diagnoses, reference } = context
  const isOpen = [...diagnoses.values()].some(({ kind }) => kind === 'flattened-rows' || kind === 'flattened-alike')
  if (!isOpen || reference) return []
  const others = await context.neighbours()
  return others.flatMap((other) => {
    const model = referenceTo(checkpoint, other)
    return model ? [{ ...context, reference: model }] : []
  })
}

async function byEvidence(tensor: Tensor, own: Context, beside: readonly Context[]): Promise<Proposal | undefined> {
  // What is cut off has no values to reshape.
  if (!tensor.doubt && own.losses.get(tensor.file)?.has(tensor)) return undefined
  const context =
    [own, ...(own.diagnoses.get(tensor)?.kind === 'flattened' ? [] : beside)].find((each) => modelFor(tensor, each)) ??
    own
  const diagnosis = context.diagnoses.get(tensor)
  const told = diagnosis?.kind === 'flattened' ? diagnosis.expected : undefined
  const rows = diagnosis?.kind === 'flattened-rows' ? diagnosis.rows : undefined
  const model = modelFor(tensor, context)
  if (diagnosis && !diagnosis.kind.startsWith('flattened')) return undefined
  if (!model && !told && rows === undefined) return undefined
  if (context.rankFiles.has(tensor.file)) {
    const why = 'Its file holds one part of tensors that were cut up for several ranks, and this may be such a part too'
    return refusal(tensor, told?.shape ?? model?.shape ?? tensor.shape, why)
  }
  if (model && told && !sameShape(model.shape, told.shape)) {
    const evidence = `The reference has ${shapeText(model.shape)}, but ${told.source} says ${shapeText(told.shape)}`
    const byReference = choice(tensor, model.shape, context.reference?.name ?? '')
    return asking(tensor, evidence, [byReference, choice(tensor, told.shape, told.source)])
  }
  if (model) return afterReference(tensor, model, context)
  const size = numel(tensor.shape)
  if (told) {
    const confidence = told.source === 'config.json' ? 'certain' : 'likely'
    const evidence = `${told.source} gives ${shapeText(told.shape)}, which has as many values, ${size}`
    return proposalFor(tensor, told.shape, confidence, evidence)
  }
  const other = size / (rows ?? 1)
  const guess = [rows ?? 1, other]
  const evidence = `Its bias tells one dimension, ${rows}; ${shapeText(guess)} would be a guess`
  return asking(tensor, evidence, [choice(tensor, guess, 'its bias')])
}

/** The reference's tensor of this name, if it is this one with its shape kept. */
function modelFor(tensor: Tensor, { reference }: Context): Tensor | undefined {
  const model = reference?.of(tensor)
  if (!model || tensor.shape.length !== 1 || model.shape.length < 2) return undefined
  if (numel(model.shape) !== numel(tensor.shape) || numel(tensor.shape) === 0) return undefined
  return model.dtype === tensor.dtype || (isFloating(model.dtype) && isFloating(tensor.dtype)) ? model : undefined
}

async function afterReference(tensor: Tensor, model: Tensor, { reference, signal }: Context): Promise<Proposal> {
  const text = `${reference?.name} has ${model.name} as ${shapeText(model.shape)}, with as many values`
  if (tensor.blocks.length === 0 || model.blocks.length === 0)
    return proposalFor(tensor, model.shape, 'likely', `${text}; values to compare are not stored`)
  const likeness = await likenessOf(tensor, model, signal).catch(unlessCancelled)
  const asThere = choice(tensor, model.shape, reference?.name ?? '')
  if (!likeness) return asking(tensor, `${text}, but the values cannot be compared`, [asThere])
  const { compared, identical, cosine, ratio } = likeness
  if (identical) return proposalFor(tensor, model.shape, 'certain', `${text}; its first ${compared} are the same`)
  if (cosine !== null && cosine >= SAME_ORDER)
    return proposalFor(
      tensor,
      model.shape,
      'certain',
      `${text}, in the same order: over the first ${compared} the cosine is ${cosine.toFixed(3)}`,
    )
  if (isPlausible(likeness))
    return proposalFor(
      tensor,
      model.shape,
      'likely',
      `${text}; they spread ${ratioText(ratio)} as far as the reference's`,
    )
  const evidence = `${text}, but they spread ${ratioText(ratio)} as far as the reference's: another weight, it seems`
  return asking(tensor, evidence, [asThere])
}

function isPlausible({ ratio }: Likeness): boolean {
  return ratio !== null && ratio > 1 / PLAUSIBLE && ratio < PLAUSIBLE
}

function ratioText(ratio: number | null): string {
  return ratio === null ? 'not' : `${ratio.toPrecision(3)} times`
}

function base(tensor: Tensor) {
  return {
    kind: 'reshape' as const,
    subject: tensor.name,
    rules: ['weights/flattened' as const, 'weights/shape-mismatch' as const],
    before: shapeText(tensor.shape),
  }
}

function proposalFor(
  tensor: Tensor,
  shape: readonly number[],
  confidence: 'certain' | 'likely',
  evidence: string,
): Proposal {
  const after = shapeText(shape)
  const action = `Reshape ${tensor.name} to ${after}`
  return { ...base(tensor), action, evidence, confidence, after, changes: [{ tensor, shape }] }
}

function asking(tensor: Tensor, evidence: string, choices: readonly Choice[]): Proposal {
  const action = `Say which shape ${tensor.name} has`
  return { ...base(tensor), action, evidence, confidence: 'ask', choices }
}

/** One of the shapes that it may have; its id is what `--shape` takes. */
function choice(tensor: Tensor, shape: readonly number[], source: string): Choice {
  const after = shapeText(shape)
  const action = `Reshape ${tensor.name} to ${after}`
  return { id: shape.join(','), action, evidence: `${source} gives ${after}`, after, changes: [{ tensor, shape }] }
}

function refusal(tensor: Tensor, shape: readonly number[], evidence: string): Proposal {
  const action = `Do not reshape ${tensor.name} to ${shapeText(shape)}`
  return { ...base(tensor), kind: 'refuse', action, evidence, confidence: 'refused' }
}
