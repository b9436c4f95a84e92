import { expect, test } from 'vitest'
import type { PlanStep } from '../../../../src/contract/schemas'
import { decisionsOn, keyedSteps, leftOut } from '../../../../src/renderer/views/repair/answers'
import { isTold, lostCauses } from '../../../../src/renderer/views/repair/needs'

const stepOf = (step: number, subject: string, rest: Partial<PlanStep> = {}): PlanStep => ({
  step,
  kind: 'restore-values',
  subject,
  action: `Take ${subject} from ...`,
  evidence: 'Several have it',
  confidence: 'ask',
  ...rest,
})
const choices = ['checkpoint-10', 'checkpoint-20'].map((id) => ({
  id,
  action: `Take it from ${id}`,
  evidence: 'It has it',
}))

test('an answer stays with its step when a new plan gives it another number', () => {
  const answers = new Map([['restore-values b', 'checkpoint-10']])
  expect(decisionsOn([stepOf(1, 'a', { choices }), stepOf(2, 'b', { choices })], answers)).toEqual([
    { step: 2, subject: 'b', choice: 'checkpoint-10' },
  ])
  expect(decisionsOn([stepOf(1, 'b', { choices })], answers)).toEqual([
    { step: 1, subject: 'b', choice: 'checkpoint-10' },
  ])
})

test('an answer that the new plan does not offer is not given', () => {
  const answers = new Map([
    ['restore-values a', 'checkpoint-30'],
    ['restore-values gone', 'none'],
  ])
  expect(decisionsOn([stepOf(1, 'a', { choices })], answers)).toEqual([])
})

test('what is refused already cannot be refused again', () => {
  const answers = new Map([['restore-values a', 'none']])
  expect(decisionsOn([stepOf(1, 'a', { confidence: 'refused' })], answers)).toEqual([])
})

test('an index that is refused is left out only when the plan is carried out', () => {
  const plan = [
    stepOf(1, 'a', { confidence: 'likely' }),
    stepOf(2, 'index', { kind: 'rebuild-index', confidence: 'certain' }),
  ]
  const answers = new Map([['rebuild-index index', 'none']])
  expect(decisionsOn(plan, answers)).toEqual([])
  expect(leftOut(plan, answers)).toEqual([2])
})

test('steps about one subject have keys of their own', () => {
  const keys = keyedSteps([stepOf(1, 'a'), stepOf(2, 'a'), stepOf(3, 'a', { kind: 'rename' })]).map(({ key }) => key)
  expect(new Set(keys).size).toBe(3)
})

test('what a step asks about is no lost cause, and a reason is told once for all it is about', () => {
  const unmended = ['x', 'y', 'x'].map((subject) => ({ rule: 'weights/placeholder', subject, why: 'Never written' }))
  const asked = { rule: 'weights/non-finite', subject: 'a', why: 'Several have it' }
  expect(lostCauses({ plan: [stepOf(1, 'a', { choices })], unmended: [...unmended, asked] })).toEqual([
    { why: 'Never written', subjects: ['x', 'y'], wantsShape: false },
  ])
})

test('a refusal is told once, but for one of a shape that was typed', () => {
  const step = stepOf(1, 'a', { kind: 'refuse', confidence: 'refused', evidence: 'It is one part' })
  const plan = { plan: [step], unmended: [{ rule: 'weights/rank-shard', subject: 'a', why: 'It is one part' }] }
  expect(isTold(step, plan, {})).toBe(true)
  expect(isTold(step, plan, { a: [2, 3] })).toBe(false)
  expect(isTold(step, { ...plan, unmended: [] }, {})).toBe(false)
})
