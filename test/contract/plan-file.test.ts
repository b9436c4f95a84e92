import { describe, expect, it } from 'vitest'
import { answersOn, shapesIn } from '../../src/contract/plan-file'
import type { EditedPlan, PlanStep } from '../../src/contract/schemas'

const stepOf = (step: number, subject: string, rest: Partial<PlanStep> = {}): PlanStep => ({
  step,
  kind: 'restore-values',
  subject,
  action: `Take ${subject} from the run`,
  evidence: 'Several have it',
  confidence: 'ask',
  ...rest,
})
const choices = ['checkpoint-10', 'checkpoint-20'].map((id) => ({ id, action: `From ${id}`, evidence: 'It has it' }))
const fileOf = (...plan: EditedPlan['plan']): EditedPlan => ({ plan })
const fitted = (file: EditedPlan, ...plan: PlanStep[]) => {
  const { decisions, unlisted, misfits } = answersOn(file, plan)
  return { decisions, unlisted: unlisted.map(({ step }) => step), whys: misfits.map(({ why }) => why) }
}

describe('the answers of a plan in a file', () => {
  it('are its choices and refusals, whatever is chosen in what is refused; a step that was taken out is refused', () => {
    const plan = [1, 2, 3].map((step) => stepOf(step, `t${step}`, { choices }))
    const file = fileOf(
      { step: 1, subject: 't1', chosen: 'checkpoint-20' },
      { step: 2, subject: 't2', kind: 'restore-values', confidence: 'refused', chosen: 'checkpoint-20' },
    )
    expect(fitted(file, ...plan)).toEqual({
      decisions: [
        { step: 1, subject: 't1', choice: 'checkpoint-20' },
        { step: 2, subject: 't2', choice: 'none' },
      ],
      unlisted: [3],
      whys: [],
    })
  })

  it('find their step by its subject and kind where the numbers have moved', () => {
    const file = fileOf({ step: 1, subject: 'b', kind: 'restore-values', chosen: 'checkpoint-10' })
    const { decisions, whys } = fitted(file, stepOf(1, 'a', { confidence: 'certain' }), stepOf(2, 'b', { choices }))
    expect(decisions).toContainEqual({ step: 2, subject: 'b', choice: 'checkpoint-10' })
    expect(whys).toEqual([])
  })

  it('are not taken for a step of another kind, for one of several alike, nor for one that is gone', () => {
    const refuse = { step: 1, subject: 'a', kind: 'rename', refused: true }
    expect(fitted(fileOf(refuse), stepOf(1, 'a')).whys).toEqual([
      'Step 1 does something else to a now: Take a from the run',
    ])
    expect(fitted(fileOf({ step: 9, subject: 'a' }), stepOf(1, 'a'), stepOf(2, 'a')).whys).toHaveLength(1)
    expect(fitted(fileOf({ step: 9, subject: 'gone' }), stepOf(1, 'a')).whys).toEqual([
      'The plan has 1 steps; there is no step 9 about gone',
    ])
  })

  it('are not taken where they name a choice that is not offered, or another outcome', () => {
    expect(fitted(fileOf({ step: 1, subject: 'a', chosen: 'checkpoint-30' }), stepOf(1, 'a', { choices }))).toEqual({
      decisions: [],
      unlisted: [],
      whys: ['Step 1 has no choice checkpoint-30; it offers checkpoint-10, checkpoint-20, none'],
    })
    const made = stepOf(1, 'a', { confidence: 'certain', after: '[2, 3]' })
    expect(fitted(fileOf({ step: 1, subject: 'a', after: '[3, 2]' }), made).whys[0]).toContain('not [3, 2]')
    expect(fitted(fileOf({ step: 1, subject: 'a', after: '[2, 3]' }), made)).toEqual({
      decisions: [],
      unlisted: [],
      whys: [],
    })
  })

  it('include shapes; one that the new plan refuses does not fit, one marked as refused is not done', () => {
    const file = fileOf({ step: 1, subject: 'a', kind: 'reshape', after: '[2, 3]', shape: [2, 3] })
    expect(shapesIn(file)).toEqual(new Map([['a', [2, 3]]]))
    const step = stepOf(1, 'a', { kind: 'reshape', confidence: 'refused', evidence: 'It has 5 values' })
    expect(fitted(file, step)).toEqual({ decisions: [], unlisted: [], whys: ['It has 5 values'] })
    const [each] = file.plan
    const refused = fileOf({ ...(each as (typeof file.plan)[number]), confidence: 'refused' })
    expect(fitted(refused, { ...step, confidence: 'certain' }).decisions).toEqual([
      { step: 1, subject: 'a', choice: 'none' },
    ])
  })
})
