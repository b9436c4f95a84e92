import type { Checkpoint, OptimizerState, SchedulerState } from '../../checkpoint/checkpoint'
import type { Verification } from '../../verify/verify'
import type { Facts } from './facts'
import { ratesOf } from './rates'

/** States of which Accelerate writes one for each that was prepared (accelerate 1.15, checkpointing.py). */
export type Numbered = 'optimizer' | 'scheduler'

/**
 * What is known of each optimizer and scheduler that is lost, one by one: the others of a training with several (two of a
 * GAN, say) are not touched. Where a state is lost as a whole and nothing tells how many there were, the first is made.
 */
export function lostStates(facts: Facts, verification: Verification): { component: Numbered; facts: Facts }[] {
  const lost = (component: Numbered) => lostNumbers(component, facts, verification)
  const gone = { optimizer: lost('optimizer'), scheduler: lost('scheduler') }
  const views = [
    ...gone.optimizer.map((number) => ({ component: 'optimizer' as const, number, other: schedulerOf(number, facts) })),
    ...gone.scheduler.map((number) => ({ component: 'scheduler' as const, number, other: optimizerOf(number, facts) })),
  ]
  return views.map(({ component, number, other }) => {
    const [optimizer, scheduler] = component === 'optimizer' ? [number, other] : [other, number]
    const still = new Set([...facts.lost].filter((id) => id !== 'optimizer' && id !== 'scheduler'))
    if (optimizer !== undefined && gone.optimizer.includes(optimizer)) still.add('optimizer')
    if (scheduler !== undefined && gone.scheduler.includes(scheduler)) still.add('scheduler')
    const { rates: _, stray, ...rest } = facts
    const view = {
      ...rest,
      checkpoint: narrowed(facts.checkpoint, optimizer, scheduler),
      others: facts.others.map((each) => narrowed(each, optimizer, scheduler)),
      lost: still,
      paths: { optimizer: pathOf('optimizer', optimizer ?? 0), scheduler: pathOf('scheduler', scheduler ?? 0) },
      ...(stray?.file === pathOf('scheduler', scheduler ?? 0) && { stray }),
    }
    const rates = ratesOf(view)
    return { component, facts: { ...view, ...(rates && { rates }) } }
  })
}

/** Numbers that are damaged, that a higher number shows to be missing, or that only another checkpoint of the run has. */
function lostNumbers(component: Numbered, facts: Facts, { findings }: Verification): number[] {
  const { checkpoint, others, lost, stray } = facts
  const here = numbersIn(component, checkpoint)
  const elsewhere = others.flatMap((other) => numbersIn(component, other))
  const highest = Math.max(-1, ...here)
  const wrong = findings.filter(({ severity }) => severity === 'error').map(({ subject }) => subject)
  const isBad = (number: number) => {
    const path = pathOf(component, number)
    return path === stray?.file || (lost.has(component) && wrong.includes(path))
  }
  const all = new Set([...here, ...elsewhere, ...Array.from({ length: Math.min(highest, MOST) }, (_, i) => i)])
  const numbers = [...all].filter((number) => !here.includes(number) || isBad(number)).sort((a, b) => a - b)
  return numbers.length === 0 && lost.has(component) && here.length <= 1 ? [0] : numbers
}

/** Numbers in names may be of any size. */
const MOST = 50

function numbersIn(component: Numbered, { files }: Checkpoint): number[] {
  return files.flatMap(({ path }) => numberOf(component, path) ?? [])
}

function numberOf(component: Numbered, path: string): number | undefined {
  const match = new RegExp(`^${component}(?:_(\\d{1,6}))?\\.bin$`).exec(path)
  return match ? Number(match[1] ?? 0) : undefined
}

/** The first has no number. */
function pathOf(component: Numbered, number: number): string {
  return `${component}${number === 0 ? '' : `_${number}`}.bin`
}

function narrowed(checkpoint: Checkpoint, optimizer: number | undefined, scheduler: number | undefined): Checkpoint {
  const { optimizers, schedulers } = checkpoint.state
  const only = <State extends { readonly file: string }>(component: Numbered, states: readonly State[], n?: number) =>
    states.filter(({ file }) => (numberOf(component, file) ?? 0) === n)
  return {
    ...checkpoint,
    state: {
      ...checkpoint.state,
      optimizers: only('optimizer', optimizers, optimizer),
      schedulers: only('scheduler', schedulers, scheduler),
    },
  }
}

/** The scheduler that steps an optimizer, as another checkpoint shows it by its rates; else that of the same number. */
function schedulerOf(number: number, { others }: Facts): number | undefined {
  for (const { state } of others) {
    const optimizer = state.optimizers.find(({ file }) => numberOf('optimizer', file) === number)
    if (!optimizer) continue
    if (!isScheduled(optimizer)) return undefined
    return (
      nearest(
        number,
        'scheduler',
        state.schedulers.filter((each) => isPair(optimizer, each)),
      ) ?? number
    )
  }
  return number
}

/** The optimizer that a scheduler steps. */
function optimizerOf(number: number, { checkpoint, others }: Facts): number | undefined {
  for (const { state } of others) {
    const scheduler = state.schedulers.find(({ file }) => numberOf('scheduler', file) === number)
    if (!scheduler) continue
    return (
      nearest(
        number,
        'optimizer',
        state.optimizers.filter((each) => isPair(each, scheduler)),
      ) ?? number
    )
  }
  const scheduled = checkpoint.state.optimizers.filter(isScheduled)
  return nearest(number, 'optimizer', scheduled) ?? number
}

function nearest(
  number: number,
  component: Numbered,
  states: readonly { readonly file: string }[],
): number | undefined {
  const numbers = states.flatMap(({ file }) => numberOf(component, file) ?? [])
  return numbers.includes(number) ? number : numbers[0]
}

/** A scheduler leaves `initial_lr` in the groups of its optimizer (torch/optim/lr_scheduler.py, 2.13). */
function isScheduled({ groups }: OptimizerState): boolean {
  return groups.some(({ initialLr }) => initialLr !== undefined)
}

function isPair({ groups }: OptimizerState, { baseLrs }: SchedulerState): boolean {
  return baseLrs.length === groups.length && groups.every(({ initialLr }, i) => initialLr === baseLrs[i])
}
