import { FILE_RULES, PICKLE_RULES } from './files'
import { TRAINING_RULES } from './training'
import { WEIGHT_RULES } from './weights'

export type { Severity } from './rule-text'

/** Every rule there is, family by family. */
export const RULES = { ...FILE_RULES, ...WEIGHT_RULES, ...TRAINING_RULES, ...PICKLE_RULES }

export type RuleId = keyof typeof RULES
