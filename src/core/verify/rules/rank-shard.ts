import { numel } from '../../checkpoint/tensor'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { type Diagnosis, diagnose } from '../shapes/diagnosis'
import { list, shapeText } from '../text'

/** The local piece of a DTensor or ShardedTensor; or one rank's piece of an FSDP flat parameter under the name of a whole one. A reshape would make rubbish of it. */
export const rankShard: Rule = {
  ids: ['weights/rank-shard'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const tensor of checkpoint.tensors) {
      if (!tensor.whole || (tensor.component !== 'weights' && tensor.component !== 'adapter')) continue
      const { shape, start } = tensor.whole
      const message = `${tensor.name} is one process's piece ${shapeText(tensor.shape)} of a tensor of shape ${shapeText(shape)}`
      yield finding('weights/rank-shard', tensor.name, message, {
        evidence: { file: tensor.file, shape, ...(start && { start }) },
        repair: 'Open the folder with the files of all processes: each holds a piece',
      })
    }
    for (const diagnosis of diagnose(checkpoint)) {
      if (diagnosis.kind !== 'rank-shard') continue
      const { tensor, expected, split } = diagnosis
      yield finding('weights/rank-shard', tensor.name, messageOf(diagnosis), {
        evidence: {
          file: tensor.file,
          numel: numel(tensor.shape),
          ...(expected && { expected: expected.shape, source: expected.source }),
          ...(split && { ranks: split.ranks, swallowed: split.swallowed, total: split.total }),
        },
        repair:
          'Join the files of all ranks, or take the tensor from a reference: nothing can be restored from one alone',
      })
    }
  },
}

function messageOf({ tensor, expected, split }: Diagnosis & { kind: 'rank-shard' }): string {
  const size = numel(tensor.shape)
  if (expected && split) {
    const together = split.swallowed.length > 0 ? ` and ${list(split.swallowed)}` : ''
    return (
      `${tensor.name} holds ${size} values in one dimension: one of ${split.ranks} equal parts of itself ` +
      `(${shapeText(expected.shape)})${together}, ${split.total} values in all. It must not be reshaped`
    )
  }
  const wanted = expected ? `, not the ${numel(expected.shape)} of ${shapeText(expected.shape)}` : ''
  return `${tensor.name} holds ${size} values in one dimension${wanted}, in the file of one rank: it is a part, and must not be reshaped`
}
