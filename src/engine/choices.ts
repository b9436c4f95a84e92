import type { RuleChoices } from '../contract/schemas'
import { RULES, type RuleId } from '../core/finding'

/** How the user wants findings to be weighed. */
export interface Choices {
  readonly strict?: boolean | undefined
  readonly rules?: RuleChoices | undefined
  /** Path of a sound checkpoint of the same model. */
  readonly reference?: string | undefined
}

/** The choices as `verify` takes them: unknown rules have no say. */
export function choicesOf({ strict = false, rules = {} }: Choices) {
  const known = Object.entries(rules).filter(([id]) => Object.hasOwn(RULES, id))
  return { strict, rules: new Map(known as [RuleId, (typeof known)[number][1]][]) }
}
