import type { Component, ComponentId, TrainingState } from '../checkpoint/checkpoint'
import { type Finding, RULES, type RuleId, type Severity } from '../finding'
import { list } from './text'

/** `complete` resumes exactly, `partial` loads but state is missing, `broken` does not load as intended. */
export type Verdict = 'complete' | 'partial' | 'broken'

export interface Resume {
  /** `exact`: as if never stopped; `stable`: without a jump; `weights-only`: the optimizer starts over; `none`: not at all. */
  readonly level: 'exact' | 'stable' | 'weights-only' | 'none'
  /** Sentences that say why, the gravest first. */
  readonly why: readonly string[]
}

/** Findings that make weights unfit to load even where every value is there. */
const BREAKING: ReadonlySet<RuleId> = new Set<RuleId>([
  'pickle/dangerous',
  'file/path-escape',
  'file/odd-name',
  'config/mismatch',
])

/** Warnings that speak against an exact resume, and what will happen where their message does not say so. */
const INEXACT: { readonly [id in RuleId]?: string } = {
  'trainer/step-mismatch':
    'training may go on from the wrong step, with the wrong learning rate and data that it has seen already',
  'optimizer/step-mismatch':
    'these are parts of two saves, or the optimizer was made anew on the way; its moments are not of these weights, and the loss may rise for some hundred steps',
  'scheduler/step-mismatch': 'the learning rate will not be the one of this step; where it is higher, the loss rises',
  'scheduler/rate-mismatch':
    'the first steps take the rate of the optimizer; where it is higher than it should be, the loss rises',
  'scheduler/learning-rate': 'the learning rate to come cannot be relied on',
  'optimizer/parameter-mismatch': 'what was not saved begins from its first values, and the loss may rise',
  'optimizer/lost-state':
    'their moments start from zero while those of the others go on, and the loss may rise for some hundred steps',
  'optimizer/settings-mismatch': 'training goes on otherwise than it was set up',
  'scaler/malformed':
    'training has to go on without it; some of the first steps may be skipped, and the loss does not mind',
  'trainer/state-contradicts': 'the file was edited or is of two saves; what else it says may be wrong too',
  'rng/malformed':
    'it will not load; shuffling and dropout take another course, and the loss goes on smoothly but not bit for bit',
  'rng/world-size': 'the data comes in another order; the loss goes on smoothly, but not bit for bit',
  'weights/average-only': 'training goes on from the average, and the loss not as it would have',
  'config/mismatch': 'what builds the model by that class cannot take these weights',
  'adapter/target-mismatch': 'a model that is made by it trains less, and the optimizer does not fit it',
  'weights/two-saves': 'where those that are passed over are the later ones, training goes on from earlier weights',
  'weights/dtype-drift': 'training goes on from other values than it had, and the loss smoothly but not bit for bit',
  'trainer/incomplete-save': 'what was written last may be missing or cut off',
  'trainer/stale-pointer': 'resuming by the pointer fails; name the checkpoint instead',
  'weights/borrowed': 'training goes on from other values than it had, and the loss may rise at first',
  'optimizer/rebuilt': '',
  'scheduler/rebuilt': '',
  'scaler/rebuilt': '',
  'rng/rebuilt': '',
  'trainer/rebuilt': '',
}

/** Components without which a resumed run takes another course. A tokenizer belongs to the data, not to the training. */
const NEEDED: readonly ComponentId[] = [
  'optimizer',
  'scheduler',
  'scaler',
  'trainer',
  'sampler',
  'rng',
  'config',
  'custom',
]

/** Weighs components and findings. `strict` lets no warning pass: none makes a checkpoint complete. */
export function weigh(
  components: readonly Component[],
  findings: readonly Finding[],
  state: TrainingState,
  strict: boolean,
): { verdict: Verdict; resume: Resume } {
  const breaking = reasonsOfBreaking(components, findings)
  if (breaking.length > 0) return { verdict: 'broken', resume: { level: 'none', why: breaking } }

  const parts = components.filter(
    ({ id, status }) => (id === 'weights' || id === 'adapter') && status !== 'not-applicable',
  )
  if (parts.length === 0) {
    const unread = findings.filter(({ rule }) => rule === 'file/unknown-format').map(({ message }) => `${message}.`)
    return { verdict: 'partial', resume: { level: 'none', why: unread.length > 0 ? unread : [partOf(components)] } }
  }

  const unread = findings.filter(({ rule, severity }) => rule === 'file/unknown-format' && severity !== 'info')
  if (unread.length > 0) {
    return {
      verdict: 'partial',
      resume: { level: 'none', why: [...unread.map(({ message }) => `${message}.`), UNREAD] },
    }
  }

  const amiss = NEEDED.flatMap((id) => components.filter((each) => each.id === id && isAmiss(each)))
  const inexact = findings.filter(
    ({ rule, severity }) => isInexact(rule, severity) || (strict && severity === 'warning'),
  )
  if (amiss.length === 0 && inexact.length === 0) {
    const why = [completeSentence(components, state), ...divergence(findings)]
    const errors = findings.filter(({ severity }) => severity === 'error')
    if (errors.length === 0) return { verdict: 'complete', resume: { level: 'exact', why } }
    return { verdict: 'partial', resume: { level: 'exact', why: [...inShort(errors), NOT_WHOLE, ...why] } }
  }
  const optimizer = components.find(({ id }) => id === 'optimizer')
  const level = optimizer && isAmiss(optimizer) ? 'weights-only' : 'stable'
  const bare = ['optimizer', 'scheduler', 'rng'].every((id) =>
    amiss.some((each) => each.id === id && each.status === 'missing' && each.files.length === 0),
  )
  const lost = bare
    ? [
        BARE,
        ...sentences(
          amiss.filter(({ id }) => id === 'config'),
          state,
        ),
      ]
    : sentences(amiss, state)
  const warned = inexact.filter(({ subject }) => !amiss.some(({ files }) => files.includes(subject)))
  return {
    verdict: 'partial',
    resume: { level, why: [...new Set([...lost, ...warned.map(warning)])] },
  }
}

const NOT_WHOLE = 'A resume does not need what is damaged, but this copy is not whole.'

/** Training that had diverged goes on exactly as well. */
function divergence(findings: readonly Finding[]): string[] {
  const lost = findings.filter(({ rule, severity }) => rule === 'trainer/loss-non-finite' && severity !== 'info')
  return lost.map(({ message }) => `But what goes on had diverged. ${message}.`)
}

/** A note tells of what may be as it was meant, and takes nothing from a resume. */
function isInexact(rule: RuleId, severity: Severity): boolean {
  return INEXACT[rule] !== undefined && severity !== 'info'
}

function warning({ rule, message }: Finding): string {
  const effect = INEXACT[rule]
  if (!effect) return `${message}.`
  // A message of several sentences, or with a colon in it, is followed by another sentence.
  return /[.:] /.test(message) ? `${message}. ${capital(effect)}.` : `${message}: ${effect}.`
}

function isAmiss({ status }: Component): boolean {
  return status === 'missing' || status === 'damaged'
}

/** The errors that keep the weights from loading, in short. */
function reasonsOfBreaking(components: readonly Component[], findings: readonly Finding[]): string[] {
  const model = components.filter(({ id }) => id === 'weights' || id === 'adapter')
  const unusable = model.filter(isAmiss)
  const errors = findings.filter(({ severity, rule }) => severity === 'error' && !/^(optimizer|trainer)\//.test(rule))
  const breaking = errors.filter(({ rule }) => BREAKING.has(rule))
  if (unusable.length === 0 && breaking.length === 0) return []
  const files = unusable.flatMap(({ files: own }) => own)
  const grave = [
    ...breaking,
    ...errors.filter(({ rule, subject }) => /^(weights|adapter)\//.test(rule) || files.includes(subject)),
  ]
  const notes = unusable.flatMap(({ label, note }) => note ?? `${label}: nothing that can be loaded is here`)
  return grave.length > 0 ? inShort(grave) : [...new Set(notes)].map((note) => `${note}.`)
}

/** A sentence for each finding, or one for all of a rule where there are several. */
function inShort(findings: readonly Finding[]): string[] {
  const rules = [...new Set(findings.map(({ rule }) => rule))]
  return rules.map((rule) => {
    const those = [...new Set(findings.filter((each) => each.rule === rule))]
    const [first] = those
    if (those.length === 1 && first) return `${first.message}.`
    return `${RULES[rule].title} (${those.length} times: ${list(those.map(({ subject }) => subject))}).`
  })
}

function partOf(components: readonly Component[]): string {
  const note = components.find(({ id }) => id === 'weights')?.note
  return note === undefined ? PART : `${note}.`
}

const PART = 'This is a part of a checkpoint: there are no weights in it.'

const UNREAD = 'What Assay does not read it cannot vouch for: whether training can resume is not known.'

const BARE =
  'These are weights alone: training starts anew from them. The loss begins about where they left it, then rises for some hundred steps while a new optimizer gathers its moments and the learning rate begins with its warmup.'

/** What it means for the person who resumes. */
const LOST: { readonly [id in ComponentId]?: string } = {
  optimizer: 'the optimizer restarts with zero moments; expect a jump in the loss for some hundred steps',
  scheduler:
    'the learning rate starts over from its first value, warmup included; where that is higher than it was, the loss rises until it has come down again',
  scaler: 'the loss scale starts over; some of the first steps may be skipped, and the loss does not mind',
  trainer: 'the step, the epoch and the history start from zero, and the data from its beginning',
  sampler: 'batches that were already seen may come again, on which the loss looks better than it is',
  rng: 'shuffling, dropout and augmentation take another course; the loss goes on smoothly, but not bit for bit',
  config: 'the model has to be built by hand before the weights can be loaded',
  custom: 'what the training script registered has to be rebuilt',
}

const NAMES: { readonly [id in ComponentId]?: string } = {
  optimizer: 'Optimizer state',
  scheduler: 'Scheduler state',
  scaler: 'Grad-scaler state',
  trainer: 'Trainer state',
  sampler: 'Sampler state',
  rng: 'Random state',
  config: 'The config',
  custom: 'A custom object',
}

function sentences(components: readonly Component[], state: TrainingState): string[] {
  return components.map(({ id, label, status, files }) => {
    const name = NAMES[id] ?? label
    if (id === 'scheduler' && status === 'missing' && !schedulerWasUsed(state)) return NO_TRACE
    if (status === 'damaged') return `${name} is damaged and should not be loaded; without it ${LOST[id]}.`
    return `${name} is ${files.length > 0 ? 'missing in part' : 'missing'}: ${LOST[id]}.`
  })
}

/** A scheduler leaves `initial_lr` in the groups of its optimizer (torch/optim/lr_scheduler.py, 2.13). */
function schedulerWasUsed({ optimizers }: TrainingState): boolean {
  const groups = optimizers.flatMap((optimizer) => optimizer.groups)
  return groups.length === 0 || groups.some(({ initialLr }) => initialLr !== undefined)
}

const NO_TRACE =
  'Scheduler state is missing, and the optimizer bears no mark of a scheduler: where the learning rate was constant, the loss goes on as it was; where it was not, it starts over from its first value, and the loss may rise.'

function completeSentence(components: readonly Component[], { step }: TrainingState): string {
  const present = ['optimizer', 'scheduler', 'rng'].filter((id) =>
    components.some((each) => each.id === id && each.status === 'present'),
  )
  const names: Record<string, string> = { optimizer: 'optimizer', scheduler: 'scheduler', rng: 'random states' }
  const parts = ['weights', ...present.map((id) => names[id] as string)]
  const all = list(parts, parts.length)
  const where = step === undefined ? '' : ` at step ${step}`
  return `${capital(all)} are all here and agree: training goes on exactly${where}, and the loss as if it had never stopped.`
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
