import type { OptimizerState, ParamGroup, SchedulerState } from '../../checkpoint/checkpoint'
import type { Plain } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'

/** Below zero by more than rounding: cosine schedules may end some 1e-20 beneath it. */
const NEGATIVE = -1e-12

/** Settings of a group that every update is multiplied with or divided by. */
const SETTINGS = ['betas', 'eps', 'momentum', 'alpha', 'rho']

/**
 * Rates and settings that are no numbers, or a rate below zero. Constructors refuse them, `load_state_dict` does not look
 * (torch/optim/optimizer.py, 2.13): the next step makes every weight of the group NaN, or walks uphill.
 */
export const learningRate: Rule = {
  ids: ['optimizer/learning-rate', 'scheduler/learning-rate'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const optimizer of checkpoint.state.optimizers) yield* ofGroups(optimizer)
    for (const scheduler of checkpoint.state.schedulers) yield* ofScheduler(scheduler)
  },
}

function* ofGroups({ file, groups }: OptimizerState): Generator<Finding> {
  for (const [i, group] of groups.entries()) {
    for (const [name, value] of settingsOf(group)) {
      const isRate = name === 'lr' || name === 'initial_lr'
      if (Number.isFinite(value) && !(isRate && value < NEGATIVE)) continue
      const effect = Number.isFinite(value)
        ? 'the next step would follow the gradient uphill'
        : 'the next step would make every weight of the group NaN'
      yield finding('optimizer/learning-rate', file, `${name} of param group ${i} in ${file} is ${value}: ${effect}`, {
        evidence: { group: i, setting: name, value: Number.isFinite(value) ? value : String(value) },
      })
    }
  }
}

function settingsOf({ lr, initialLr, weightDecay, hyper }: ParamGroup): [string, number][] {
  const told = SETTINGS.flatMap((name): [string, number][] => numbersIn(hyper[name]).map((value) => [name, value]))
  const rates: [string, number | undefined][] = [
    ['lr', lr],
    ['initial_lr', initialLr],
    ['weight_decay', weightDecay],
  ]
  return [...rates.filter((each): each is [string, number] => each[1] !== undefined), ...told]
}

function numbersIn(value: Plain | undefined): number[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'number')
}

function* ofScheduler({ file, lastLr, baseLrs }: SchedulerState): Generator<Finding> {
  const wrong = (rate: number) => !Number.isFinite(rate) || rate < NEGATIVE
  const base = baseLrs.find(wrong)
  const last = lastLr.find(wrong)
  if (base !== undefined) {
    const message = `${file} starts from the base rate ${base}: every rate to come is made of it`
    yield finding('scheduler/learning-rate', file, message, { evidence: { setting: 'base_lrs', value: String(base) } })
  } else if (last !== undefined) {
    const message = `The rate that ${file} set last is ${last}: such a rate was in force, or the file is damaged`
    yield finding('scheduler/learning-rate', file, message, { evidence: { setting: '_last_lr', value: String(last) } })
  }
}
