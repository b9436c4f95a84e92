import type { ComponentId } from '../../checkpoint/checkpoint'
import type { NewFile, RepairStep } from '../steps'

/** State that is made anew, or, without files, why it is not. */
export interface Anew extends Pick<RepairStep, 'entries' | 'removed' | 'lost' | 'worldSize'> {
  readonly component: ComponentId
  /** Where it is not `Make <subject> anew`. */
  readonly action?: string
  /** The file, or the first of several. */
  readonly subject: string
  readonly evidence: string
  /** Why it is made only on the user's word. */
  readonly doubt?: string
  readonly files: readonly NewFile[]
}

export function notMade(component: ComponentId, subject: string, evidence: string): Anew[] {
  return [{ component, subject, evidence, files: [] }]
}
