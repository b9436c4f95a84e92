import type { Checkpoint, OptimizerState, ParamGroup } from '../../checkpoint/checkpoint'
import { basesAgree, ratesAgree } from '../../checkpoint/training/rates'
import { numberOf, type Plain } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import { kindOf } from '../optimizer/kind'
import type { Rule } from '../rule'
import { trainerArguments } from '../trainer-arguments'

/** Optimizers that `--optim` of the Trainer makes (transformers 5.18, trainer_optimizer.py), and how their states are told. */
const ASKED: readonly { readonly optim: RegExp; readonly kind: RegExp }[] = [
  {
    optim: /^adamw_(torch|torch_fused|torch_xla|torch_npu_fused|apex_fused|hf|anyprecision)$/,
    kind: /^AdamW?\b(?!.*of )/,
  },
  { optim: /^adafactor$/, kind: /^Adafactor/ },
  { optim: /^sgd$/, kind: /^SGD/ },
  { optim: /^adagrad$/, kind: /^Adagrad/ },
  { optim: /^rmsprop$/, kind: /^RMSprop/ },
]

/**
 * An optimizer that is not the one that the Trainer's arguments ask for. A script may hand over its own, so that alone is a
 * note; it is another training's where the scheduler contradicts it as well. Loading never looks: groups and slots of the file
 * take the place of its own, and the first step meets a KeyError (tried for AdamW, SGD, Adagrad, RMSprop and Adafactor
 * crosswise, torch 2.13). Other settings than those of the arguments are in force after a resume too.
 */
export const settingsMismatch: Rule = {
  ids: ['optimizer/settings-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const args = trainerArguments(checkpoint)
    const [optimizer, other] = checkpoint.state.optimizers
    if (!args || !optimizer || other) return
    const asked = ASKED.find(({ optim }) => optim.test(String(args.optim)))
    const kind = kindOf(optimizer)
    if (!asked || kind === undefined) return
    if (!asked.kind.test(kind)) yield otherKind(checkpoint, optimizer, kind, String(args.optim))
    else if (asked.optim.test('adamw_torch')) yield* otherSettings(optimizer, args)
  },
}

function otherKind({ state }: Checkpoint, optimizer: OptimizerState, kind: string, optim: string): Finding {
  const { file } = optimizer
  const [scheduler] = state.schedulers
  const agree = scheduler && [basesAgree(optimizer, scheduler), ratesAgree(optimizer, scheduler)]
  const foreign = agree?.includes(false) === true
  const why = foreign
    ? `, and its rates are not those of ${scheduler?.file}: it belongs to another training`
    : '. That is right where the script hands the Trainer an optimizer of its own'
  const otherwise = foreign ? 'It' : 'Where it does not, it'
  const message = `${file} keeps the state of ${kind}, training_args.bin asks for ${optim}${why}. ${otherwise} loads without a word and the first step fails with a KeyError`
  return finding('optimizer/settings-mismatch', file, message, {
    severity: foreign ? 'error' : 'info',
    evidence: { kind, optim },
  })
}

/**
 * Settings of AdamW. Groups that the Trainer made begin with one rate and have the same betas: where one by itself has others it
 * was changed; where all have, training was resumed with other arguments, which then do nothing.
 */
function* otherSettings(
  { file, groups }: OptimizerState,
  args: { readonly [argument: string]: Plain },
): Generator<Finding> {
  const rates = new Set(groups.map(({ initialLr }) => initialLr))
  const alike = rates.size === 1
  const asked: readonly Setting[] = [
    { name: 'betas', own: hyper(groups, 'betas'), asked: [args.adam_beta1, args.adam_beta2].map(numberOf) },
    { name: 'eps', own: hyper(groups, 'eps'), asked: [numberOf(args.adam_epsilon)] },
    ...(alike ? [{ name: 'initial_lr', own: [[...rates]], asked: [numberOf(args.learning_rate)] }] : []),
  ]
  for (const { name, own, asked: wanted } of asked) {
    const differing = own.filter((values) => !isSame(values, wanted))
    const [first] = differing
    if (!first || first.includes(undefined) || wanted.includes(undefined)) continue
    const some = differing.length < own.length
    const where = some ? `param group ${own.indexOf(first)} of ${file}` : file
    const message = `${name} in ${where} is ${first.join(', ')}, training_args.bin says ${wanted.join(', ')}: a resume goes on with what ${file} says`
    yield finding('optimizer/settings-mismatch', file, message, {
      severity: some && alike && rates.has(numberOf(args.learning_rate)) ? 'warning' : 'info',
      evidence: { setting: name, optimizer: own.map((values) => values.map(String)), arguments: wanted.map(String) },
    })
  }
}

type Numbers = readonly (number | undefined)[]

interface Setting {
  readonly name: string
  /** Of each group. */
  readonly own: readonly Numbers[]
  readonly asked: Numbers
}

function hyper(groups: readonly ParamGroup[], name: string): Numbers[] {
  return groups.map((group) => [group.hyper[name]].flat().map(numberOf))
}

function isSame(a: Numbers, b: Numbers): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
