import type { Tensor } from '../../checkpoint/tensor'
import type { RuleId } from '../../finding'
import { shapeText } from '../../verify/text'
import type { Context } from '../context'
import type { Choice, Proposal } from '../steps'

/** Findings by which one of the two is worth nothing: its values are taken from the other without asking. */
const SPOILT: ReadonlySet<RuleId> = new Set<RuleId>(['weights/non-finite', 'weights/zero-run'])

/**
 * Makes a head and an embedding that the config ties, and that differ, one tensor again. Which of them is meant, no file
 * tells; so it asks.
 */
export function retie({ verification, weights }: Context): Proposal[] {
  const { findings } = verification
  const isSpoilt = (name: string) => findings.some(({ rule, subject }) => SPOILT.has(rule) && subject === name)
  return findings.flatMap(({ rule, subject, evidence }) => {
    if (rule !== 'weights/tied-differs') return []
    const head = weights.find(({ name, file }) => name === subject && file === evidence?.file)
    const embedding = weights.find(({ name }) => name === evidence?.other)
    if (!head || !embedding || isSpoilt(head.name) || isSpoilt(embedding.name)) return []
    const choices = [choice(head, embedding), choice(embedding, head)]
    const proposal: Proposal = {
      kind: 'retie',
      subject,
      action: `Say whose values ${head.name} and ${embedding.name} have`,
      evidence: `config.json ties them, and they differ. transformers would load those of ${embedding.name} and drop the others`,
      confidence: 'ask',
      rules: [rule],
      before: 'two tensors',
      after: `one of ${shapeText(head.shape)}`,
      choices,
    }
    return [proposal]
  })
}

/** Gives `tensor` the values of `other`; in a PyTorch file the two share a storage then. */
function choice(tensor: Tensor, other: Tensor): Choice {
  return {
    id: other.name,
    action: `Take ${tensor.name} from ${other.name}`,
    evidence: `Those of ${tensor.name} are lost by it`,
    changes: [{ tensor, shape: other.shape, values: other, dtype: tensor.dtype }],
  }
}
