import { expect, test } from 'vitest'
import { editedPlan, type PlanStep, type RepairPlan } from '../../../../src/contract/schemas'
import { fitOf, helpIn, textOf } from '../../../../src/renderer/views/repair/plan-file'

const stepOf = (step: number, subject: string, rest: Partial<PlanStep> = {}): PlanStep => ({
  step,
  kind: 'reshape',
  subject,
  action: `Reshape ${subject}`,
  evidence: 'The bias speaks for it',
  confidence: 'certain',
  ...rest,
})
const planOf = (...plan: PlanStep[]): RepairPlan => ({ plan, unmended: [], verdictBefore: 'broken', files: [] })
const read = (text: string) => editedPlan.parse(JSON.parse(text))
const INDEX = stepOf(3, 'index.json', { kind: 'rebuild-index' })

test('a plan that was saved says the same when it is loaded', () => {
  const choices = [{ id: '2,3', action: 'Reshape b', evidence: 'The bias' }]
  const asking = planOf(stepOf(1, 'a'), stepOf(2, 'b', { confidence: 'ask', choices }), INDEX)
  const answered = planOf(
    stepOf(1, 'a', { after: '[4, 5]' }),
    stepOf(2, 'b', { confidence: 'likely', choices, chosen: '2,3' }),
    INDEX,
  )
  const answers = new Map([
    ['reshape b', '2,3'],
    ['rebuild-index index.json', 'none'],
  ])
  const file = read(textOf({ ...answered, worldSize: 4 }, { a: [4, 5] }, answers))
  const help = helpIn(file, asking, true)
  expect(help).toEqual({ shapes: { a: [4, 5] }, worldSize: 4 })
  const made = { ...asking, plan: [stepOf(1, 'a', { after: '[4, 5]' }), ...asking.plan.slice(1)] }
  expect(fitOf(file, made, help)).toEqual({ answers, taken: 4, unlisted: 0, misfits: [] })
})

test('a shape of a tensor that the plan does not speak of is not given, and told as one that does not fit', () => {
  const file = { plan: [{ step: 1, subject: 'elsewhere', shape: [2] }] }
  const plan = planOf(stepOf(1, 'a'))
  expect(helpIn(file, plan, true)).toEqual({ shapes: {}, worldSize: undefined })
  const { taken, unlisted, misfits } = fitOf(file, plan, { shapes: {}, worldSize: undefined })
  expect([taken, unlisted, misfits.length]).toEqual([0, 1, 1])
  expect(misfits[0]).toContain('elsewhere')
})

test('a number of processes is not taken where none keeps a state of its own', () => {
  const file = { plan: [], worldSize: 4 }
  const help = helpIn(file, planOf(), false)
  expect(fitOf(file, planOf(), help)).toMatchObject({ taken: 0, misfits: [expect.stringContaining('4 processes')] })
})
