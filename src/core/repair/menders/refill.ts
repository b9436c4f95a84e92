import { isFloating } from '../../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import type { Finding, RuleId } from '../../finding'
import { lackedOfAverages } from '../../verify/shapes/averages'
import { shapeText } from '../../verify/text'
import type { Context } from '../context'
import { contradictedWeights } from '../contradicted'
import { estrangement } from '../kinship'
import { hopelessFiles } from '../losses'
import {
  isFilled,
  isOwn,
  lackedMoments,
  MOMENTS_OVER,
  ofAverage,
  ofPart,
  readingsOf,
  referenceTo,
  type Source,
  soundOf,
  sourcesOf,
} from '../sources'
import type { Addition, Choice, Proposal } from '../steps'
import { transposedOf } from '../transposed'

/** Findings of values that are there and worth nothing. */
const SPOILT: ReadonlySet<RuleId> = new Set<RuleId>(['weights/non-finite', 'weights/zero-run'])
/** The finding of values that are there, but not as many, or not in the order, that the tensor has. */
const MISSHAPEN: RuleId = 'weights/shape-mismatch'
/** The finding of moments whose shape a weight has elsewhere and not here. */
const CONTRADICTED: RuleId = 'optimizer/shape-mismatch'
const TURNED: ReadonlySet<RuleId> = new Set<RuleId>([MISSHAPEN, CONTRADICTED])
/** Findings of tensors that are not there. */
const ABSENT: ReadonlySet<RuleId> = new Set<RuleId>([
  'weights/missing-tensor',
  'weights/missing-shard',
  'weights/layer-gap',
  ...MOMENTS_OVER,
])

/**
 * Takes the values of placeholders, of spoilt tensors and of tensors that are missing altogether from where they still are:
 * the tensor's twin, its optimizer, the reference, the rest of the run. Where none is surer than another, and where the
 * reference seems to be another model, it asks.
 */
export async function refill(context: Context): Promise<Proposal[]> {
  const { progress, soundness } = context
  const strange = once(() => estrangement(context))
  const wants: Want[] = []
  const contradicted = (await contradictedWeights(context)).map((each) => ({ ...each, rule: CONTRADICTED }))
  for (const want of [...wantsOf(context), ...contradicted])
    wants.push({ ...want, sources: await sourcesOf(want.tensor, want.shape, context) })
  const spoilt = wants.filter(({ rule }) => SPOILT.has(rule))
  progress.expect(await soundness.bytes(spoilt.flatMap(({ sources }) => sources.map(({ values }) => values))))
  const proposals: (Proposal | undefined)[] = []
  for (const want of wants) {
    const sources = SPOILT.has(want.rule) ? await soundOf(want.sources, context) : want.sources
    const turned = TURNED.has(want.rule) ? await transposedOf(want.tensor, sources, context.signal) : undefined
    const all = [...readingsOf(want.tensor), ...(turned ? [turned] : []), ...sources]
    proposals.push(await inPlaceOf({ ...want, sources: all }, context, strange))
  }
  return [...proposals.filter((each) => each !== undefined), ...(await additions(context, strange))]
}

/** Whether the values of a tensor in doubt are kept where they are: something tells the shape that they have. */
function isReshaped(tensor: Tensor, { shapes, diagnoses, reference }: Context): boolean {
  if (!tensor.doubt || tensor.doubt.readings.length > 0) return false
  const model = reference?.of(tensor)
  const isTold = diagnoses.get(tensor)?.kind === 'flattened' || shapes.has(tensor.name)
  return isTold || (model !== undefined && numel(model.shape) === numel(tensor.shape))
}

/** A tensor whose values have to come from elsewhere, and where they may. */
interface Want {
  readonly tensor: Tensor
  readonly rule: RuleId
  /** The shape that they have to have, where it is known. */
  readonly shape?: readonly number[] | undefined
  readonly sources: readonly Source[]
}

function wantsOf(context: Context): Omit<Want, 'sources'>[] {
  const { weights, diagnoses, verification, losses, reference, shapes } = context
  const spoilt = new Map(
    verification.findings.flatMap(({ rule, subject }) => (SPOILT.has(rule) ? [[subject, rule]] : [])),
  )
  const hopeless = hopelessFiles(context)
  return weights.flatMap((tensor): Omit<Want, 'sources'>[] => {
    // Of a shape that does not fit its bytes neither is known.
    const shape = tensor.doubt ? undefined : tensor.shape
    const diagnosis = diagnoses.get(tensor)
    if (!tensor.doubt && diagnosis?.kind.startsWith('flattened') && losses.get(tensor.file)?.has(tensor)) {
      const told = diagnosis.kind === 'flattened' ? diagnosis.expected.shape : undefined
      return hopeless.has(tensor.file) ? [] : [{ tensor, rule: 'file/truncated', shape: told }]
    }
    if (losses.get(tensor.file)?.has(tensor))
      return hopeless.has(tensor.file) || isReshaped(tensor, context) ? [] : [{ tensor, rule: 'file/truncated', shape }]
    if (diagnosis?.kind === 'placeholder')
      return [{ tensor, rule: 'weights/placeholder', shape: tensor.doubt ? undefined : diagnosis.expected?.shape }]
    if (diagnosis?.kind === 'misshapen' && !tensor.doubt && !shapes.has(tensor.name))
      return [{ tensor, rule: MISSHAPEN, shape: diagnosis.expected.shape }]
    const model = diagnosis ? undefined : reference?.filling(tensor)
    if (model) return [{ tensor, rule: 'weights/placeholder', shape: model.shape }]
    const rule = spoilt.get(tensor.name)
    return rule ? [{ tensor, rule, shape }] : []
  })
}

/** Why the reference seems to be another model; its values are read when that is first asked. */
type Strange = () => Promise<string | undefined>

function once(work: Strange): Strange {
  let found: ReturnType<Strange> | undefined
  return () => {
    found ??= work()
    return found
  }
}

async function inPlaceOf(
  { tensor, rule, sources }: Want,
  { reference, diagnoses, verification }: Context,
  strange: Strange,
): Promise<Proposal | undefined> {
  const lost = rule === 'file/truncated'
  const diagnosis = diagnoses.get(tensor)
  const isExpected = diagnosis?.kind === 'placeholder' || diagnosis?.kind === 'misshapen'
  const expected = isExpected ? diagnosis.expected : undefined
  const base = {
    kind: 'copy-from-reference' as const,
    subject: tensor.name,
    // What was flattened and is cut off has its shape from where the values are.
    rules: SPOILT.has(rule) ? [...SPOILT] : lost ? [rule, 'weights/flattened' as const] : [rule],
    others: (subject: string) => subject === tensor.file && !lost,
    ...(rule === CONTRADICTED && {
      answers: (each: RuleId, subject: string) =>
        sources.some(({ values }) => lackedMoments(each, subject, values, verification)),
    }),
    before: lost && !tensor.doubt ? 'cut off' : shapeText(tensor.shape),
  }
  if (sources.length === 0) {
    // What a damaged file loses for good is listed with the file.
    if (!reference || lost) return undefined
    const evidence = whyNot(tensor, reference.of(tensor), reference.name, expected)
    return {
      ...base,
      kind: 'refuse',
      action: `Take ${tensor.name} from ${reference.name}`,
      confidence: 'refused',
      evidence,
    }
  }
  const changeOf = ({ values }: Source) => ({
    changes: [{ tensor, shape: values.shape, values, dtype: tensor.dtype }],
    after: shapeText(values.shape),
  })
  return fromSources(base, sources, `Take ${tensor.name} from`, changeOf, strange)
}

function whyNot(
  tensor: Tensor,
  model: Tensor | undefined,
  name: string,
  expected: { shape: readonly number[]; source: string } | undefined,
): string {
  if (!model) return `${name} has no tensor of this name`
  const there = `${name} has it as ${model.dtype} ${shapeText(model.shape)}`
  if (!isFilled(model)) return `${there}, without values`
  if (expected && !sameShape(expected.shape, model.shape))
    return `${there}; ${expected.source} says ${shapeText(expected.shape)}`
  if (model.dtype !== tensor.dtype) return `${there}; it should be ${tensor.dtype}`
  return `${there}, which is of no use either`
}

/** A step that takes the surest source and offers the others; it asks where several checkpoints of the run are all there is. */
async function fromSources(
  base: Pick<Proposal, 'kind' | 'subject' | 'rules' | 'others' | 'answers' | 'before'>,
  sources: readonly Source[],
  verb: string,
  does: (source: Source) => Pick<Choice, 'changes' | 'additions' | 'after'>,
  strange: Strange,
): Promise<Proposal> {
  const choices = sources.map((source) => {
    const { id, evidence, place = id } = source
    const borrowed = isOwn(source) ? {} : { borrowed: id }
    return { id, action: `${verb} ${place}`, evidence, ...does(source), ...borrowed }
  })
  const [best, second] = sources
  const [first] = choices
  if (!best || !first) throw new RangeError('There is no source to take values from')
  // Places that hold the same values are no choice.
  const others = choices.filter((_, i) => i > 0 && (best.rank !== 'same' || sources[i]?.rank !== 'same'))
  const more = others.length > 0 ? { choices: [first, ...others] } : {}
  if (best.rank === 'claim') {
    const places = choices.map(({ id }) => id).join(', ')
    const evidence = `The file gives it more than one place. Which is right is for you to say: ${places}`
    return { ...base, action: `${verb} ...`, evidence, confidence: 'ask', choices }
  }
  if (best.rank === 'run' && second) {
    const names = choices.map(({ id }) => id).join(', ')
    const evidence = `It can be taken from several: ${names}. Which of them is to be taken is for you to say`
    return { ...base, action: `${verb} ...`, evidence, confidence: 'ask', choices }
  }
  const isContradicted = base.rules.includes(CONTRADICTED)
  if (isContradicted ? !isOwn(best) : best.rank === 'run' && base.rules.includes(MISSHAPEN)) {
    const why = isContradicted ? 'another shape than its moments' : 'a shape that it cannot have'
    const evidence = `${first.evidence}. Its own values are here, in ${why}: whether they are to go is for you to say`
    return { ...base, action: first.action, evidence, confidence: 'ask', choices }
  }
  const why = best.rank === 'reference' ? await strange() : undefined
  if (why !== undefined)
    return { ...base, action: first.action, evidence: `${first.evidence}. But ${why}`, confidence: 'ask', choices }
  const { id: _, ...step } = first
  const kind = best.rank === 'reference' ? base.kind : 'restore-values'
  return { ...base, ...step, kind, confidence: best.rank === 'same' ? 'certain' : 'likely', ...more }
}

async function additions(context: Context, strange: Strange): Promise<Proposal[]> {
  const { reference, checkpoint, verification } = context
  const lacking = new Map<string, Source[]>()
  const add = (name: string, source: Source) => lacking.set(name, [...(lacking.get(name) ?? []), source])
  for (const { name, values } of reference?.lacking(checkpoint.config) ?? []) {
    const evidence = `${reference?.name} has it as ${values.dtype} ${shapeText(values.shape)}; this checkpoint does not have it. These are the reference's values, not those that were trained here`
    if (reference && isFilled(values)) add(name, { id: reference.name, rank: 'reference', values, evidence })
  }
  if (verification.findings.some(({ rule }) => ABSENT.has(rule))) {
    for (const { name, average } of lackedOfAverages(context.weights)) {
      const evidence = ofAverage(average)
      if (isFilled(average)) add(name, { id: average.name, rank: 'run', values: average, evidence })
    }
    const own = new Set(context.weights.map(({ name }) => name))
    const told = new Set(verification.findings.flatMap(toldOf).filter((name) => !own.has(name)))
    for (const part of await context.parts()) {
      const lacking = referenceTo(checkpoint, part)?.lacking(checkpoint.config) ?? []
      // What an index says a missing shard held is wanted even where it is tied to what is here.
      const named = part.tensors.filter((tensor) => told.has(tensor.name) && tensor.component === 'weights')
      const wanted = new Map(
        [...lacking, ...named.map((values) => ({ name: values.name, values }))].map((each) => [each.name, each.values]),
      )
      for (const [name, values] of wanted) {
        const evidence = `${ofPart(part, values)}; the file does not have it`
        if (isFilled(values)) add(name, { id: part.name, rank: 'same', values, evidence })
      }
    }
    for (const other of await context.neighbours()) {
      if (other.name === reference?.name) continue
      for (const { name, values } of referenceTo(checkpoint, other)?.lacking(checkpoint.config) ?? []) {
        const evidence = `${other.name}, of the same run, has it as ${values.dtype} ${shapeText(values.shape)}; this checkpoint does not have it. These are its values, not those that were trained here`
        if (isFilled(values)) add(name, { id: other.name, rank: 'run', values, evidence })
      }
    }
  }
  const proposals = [...lacking].map(async ([name, found]): Promise<Proposal> => {
    // Parts of the same save have the very values.
    const sources = [...found.filter(isOwn), ...found.filter((source) => !isOwn(source))]
    const base = {
      kind: 'copy-from-reference' as const,
      subject: name,
      rules: ['weights/missing-tensor' as const, 'weights/layer-gap' as const],
      others: (subject: string) => name.startsWith(`${subject}.`),
      answers: (rule: RuleId, subject: string) =>
        sources.some(({ values }) => lackedMoments(rule, subject, values, verification)),
    }
    const homeless = sources.find(({ values }) => fileFor(values, context) === undefined)
    if (homeless) {
      const evidence = `${homeless.evidence}; it is not known which of the models it belongs to`
      return { ...base, action: `Add ${name} from ${homeless.id}`, confidence: 'refused', evidence }
    }
    const does = ({ values }: Source) => ({
      additions: [additionOf(name, values, fileFor(values, context) as string, context)],
      after: shapeText(values.shape),
    })
    return fromSources(base, sources, `Add ${name} from`, does, strange)
  })
  return Promise.all(proposals)
}

/** Names of the tensors that an index says were in a shard that is missing. */
function toldOf({ rule, evidence }: Finding): string[] {
  return rule === 'weights/missing-shard' && Array.isArray(evidence?.tensors) ? evidence.tensors.map(String) : []
}

/** The tensor with the dtype that all floating weights of the file have in common, where that is a coarser one. */
function additionOf(name: string, values: Tensor, file: string, { weights }: Context): Addition {
  const own = weights.filter((tensor) => tensor.file === file && isFloating(tensor.dtype))
  const [common, ...others] = new Set(own.map(({ dtype }) => dtype))
  const isCoarser = values.dtype === 'float32' && (common === 'float16' || common === 'bfloat16') && others.length === 0
  return { file, name, values, ...(isCoarser && { dtype: common }) }
}

/** The file for a new tensor: that of the reference's name, or the only one, or the last shard. */
function fileFor(values: Tensor, { weights }: Context): string | undefined {
  const files = [...new Set(weights.map(({ file }) => file))]
  if (files.length === 1 || files.includes(values.file)) return files.includes(values.file) ? values.file : files[0]
  return files.every((file) => /-\d{5}-of-\d{5}\./.test(file)) ? files.sort().at(-1) : undefined
}
