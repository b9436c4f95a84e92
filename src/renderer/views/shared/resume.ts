import type { Verification } from '../../../contract/schemas'

export type ResumeLevel = Verification['resume']['level']

/** How far training can go on from a checkpoint: worst first, as the scale shows them. */
export const RESUME_LEVELS = ['none', 'weights-only', 'stable', 'exact'] as const satisfies readonly ResumeLevel[]

export const RESUME: Record<ResumeLevel, { name: string; short: string; sentence: string }> = {
  none: {
    name: 'Not at all',
    short: 'not possible',
    sentence: 'It does not load as it was meant to.',
  },
  'weights-only': {
    name: 'Weights only',
    short: 'weights only',
    sentence: 'The weights load. Training would begin anew from them.',
  },
  stable: {
    name: 'Stable',
    short: 'stable, not identical',
    sentence: 'Training can go on from it, but not exactly as it would have.',
  },
  exact: {
    name: 'Exact',
    short: 'exact',
    sentence: 'Training can resume exactly where it stopped.',
  },
}
