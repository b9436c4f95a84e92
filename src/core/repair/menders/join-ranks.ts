import { list, shapeText } from '../../verify/text'
import { outputOf } from '../../write/output'
import type { Context } from '../context'
import { TARGET } from '../join'
import { modelFile } from '../model-file'
import { isFilled } from '../sources'
import type { Proposal } from '../steps'

/** Writes whole weights out of the fragments that ranks saved each for itself, where all ranks' files are here. */
export function joinRanks({ checkpoint, join }: Context): Proposal[] {
  if (!join || typeof join === 'string' || checkpoint.files.some(({ path }) => path === TARGET)) return []
  const { files, tensors, sources } = join
  const torn = tensors.find((tensor) => !isFilled(tensor))
  const own = new Set(tensors.map(({ name }) => name))
  const base = {
    kind: 'rebuild-weights' as const,
    subject: TARGET,
    action: `Write ${TARGET} from the parts of ${files.length} ranks`,
    rules: [],
    answers: (rule: string, subject: string) =>
      rule.startsWith('weights/') && (own.has(subject) || files.includes(subject)),
  }
  if (torn) return [{ ...base, confidence: 'refused', evidence: `Values of ${torn.name} cannot be read` }]
  const evidence = `${list(files, 8)} hold fragments, each rank's behind those of the one before: the sizes of all ${tensors.length} tensors are those that ${list(sources)} gives`
  const after = `${tensors.length} tensors, the first ${shapeText(tensors[0]?.shape ?? [])}`
  const outputs = tensors.map((tensor) => outputOf(tensor))
  return [{ ...base, confidence: 'likely', evidence, after, files: [modelFile(TARGET, 'weights', outputs)] }]
}
