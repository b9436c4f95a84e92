import { AssayError } from '../errors'
import { isDone, type Proposal } from './steps'

/** What the user has decided about one step of a plan. */
export interface Decision {
  /** Number of the step, from 1. */
  readonly step: number
  /** What the step was about when the user decided. */
  readonly subject?: string | undefined
  /** Id of one of its choices; `none` refuses the step. */
  readonly choice?: string | undefined
}

/** The answer that refuses a step. */
const NONE = 'none'

/**
 * The proposal as the user wants it. `number` is that of its step. Throws `usage` when the decision is about another subject,
 * as of a plan that was made before the checkpoint changed, and when no such choice is offered: nothing is taken on trust.
 */
export function decided(proposal: Proposal, number: number, decisions: readonly Decision[]): Proposal {
  const own = decisions.filter(({ step }) => step === number)
  const astray = own.find(({ subject }) => subject !== undefined && subject !== proposal.subject)
  if (astray)
    throw new AssayError('usage', `Step ${number} is about ${proposal.subject}, not about ${astray.subject}`, {
      hint: 'The plan has changed since: make a new one.',
    })
  const wanted = own.findLast((each) => each.choice !== undefined)?.choice
  if (wanted === undefined) return proposal
  if (wanted === NONE) return isDone(proposal) || proposal.confidence === 'ask' ? refused(proposal) : proposal
  const choice = proposal.choices?.find(({ id }) => id === wanted)
  if (!choice) {
    const offered = [...(proposal.choices ?? []).map(({ id }) => id), NONE].join(', ')
    throw new AssayError('usage', `Step ${number} has no choice ${wanted}`, { hint: `It offers ${offered}.` })
  }
  const { id, evidence, ...step } = choice
  return { ...proposal, ...step, confidence: 'likely', evidence: `You chose it. ${evidence}`, chosen: id }
}

function refused(proposal: Proposal): Proposal {
  return { ...proposal, confidence: 'refused', evidence: `You refused it. ${proposal.evidence}` }
}

/**
 * Throws `usage` for a decision about a step that the plan does not have. A refusal that names its subject is none: with the steps
 * that it followed from refused as well, there is nothing left to refuse.
 */
export function refuseStrays(decisions: readonly Decision[], steps: number): void {
  const isMoot = ({ subject, choice }: Decision) => subject !== undefined && choice === NONE
  const stray = decisions.find((each) => (each.step < 1 || each.step > steps) && !isMoot(each))
  if (!stray) return
  throw new AssayError('usage', `The plan has ${steps} steps; there is no step ${stray.step}`, {
    hint: 'The plan may have changed since: make a new one.',
  })
}
