import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { outputOf } from '../../write/output'
import type { Context } from '../context'
import { modelFile } from '../model-file'
import { isFilled } from '../sources'
import type { Choice, Proposal } from '../steps'

/**
 * Takes the weights of an adapter that are not here from another save of the run, or from the reference: its values are not those that
 * were trained here, so the file is marked, and what is lost is said in steps. Where several saves have them it asks.
 */
export async function lostAdapter(context: Context): Promise<Proposal[]> {
  const { checkpoint, verification, given } = context
  const lacks = verification.findings.some(({ rule }) => rule === 'adapter/missing-weights' || rule === 'adapter/empty')
  if (!lacks || checkpoint.tensors.some(({ component }) => component === 'adapter')) return []
  const run = (await context.neighbours()).filter((other) => other !== given)
  const sources = [...(given ? [given] : []), ...run].flatMap((other) => {
    const tensors = other.tensors.filter(({ component }) => component === 'adapter')
    const [first] = tensors
    const whole = first && tensors.every((tensor) => tensor.file === first.file && isFilled(tensor))
    return whole ? [{ other, path: first.file, tensors }] : []
  })
  const [source] = sources
  const choices = sources.map((each) => choiceOf(each, context))
  const [first] = choices
  if (!source || !first) return []
  const base = {
    kind: 'restore-values' as const,
    subject: source.path,
    rules: ['adapter/missing-weights' as const, 'adapter/empty' as const],
    others: () => true,
  }
  if (choices.length > 1 && first.borrowed !== given?.name) {
    const names = choices.map(({ id }) => id).join(', ')
    const evidence = `Several checkpoints of the run have it: ${names}. Which of them is to be taken is for you to say`
    return [{ ...base, action: `Take ${source.path} from ...`, evidence, confidence: 'ask', choices }]
  }
  const { id: _, ...step } = first
  return [{ ...base, ...step, confidence: 'likely', ...(choices.length > 1 && { choices }) }]
}

/** A checkpoint that has the adapter, all of it in one file. */
interface Source {
  readonly other: Checkpoint
  readonly path: string
  readonly tensors: readonly Tensor[]
}

function choiceOf({ other, path, tensors }: Source, { checkpoint, given }: Context): Choice {
  const { name, state } = other
  const [own, there] = [checkpoint.state.step, state.step]
  const at = there === undefined ? '' : ` at step ${there}`
  const late = own !== undefined && there !== undefined && there < own
  const lost = late ? `: ${own - there} of its ${own} steps of training are lost` : ''
  const who = other === given ? `${name}, the reference,` : `${name}, of the same run${at},`
  const outputs = tensors.map((tensor) => outputOf(tensor))
  return {
    id: name,
    action: `Take ${path} from ${name}`,
    evidence: `${who} has its ${tensors.length} tensors. These are its values, not those that were trained here${lost}`,
    after: `${tensors.length} tensors`,
    files: [modelFile(path, 'adapter', outputs)],
    borrowed: name,
  }
}
