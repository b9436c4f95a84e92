import type { Checkpoint } from '../../checkpoint/checkpoint'
import { numel } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import type { Reference } from '../reference'
import type { Rule } from '../rule'
import { type Diagnosis, diagnose } from '../shapes/diagnosis'
import { weightsOf } from '../shapes/evidence'
import { shapeText } from '../text'

type Placeholder = Diagnosis & { kind: 'placeholder' }

/** Parameters saved as [0] or [1]: ZeRO-3 and FSDP leave such where the values were not gathered. */
export const placeholder: Rule = {
  ids: ['weights/placeholder'],
  needs: 'structure',
  *check({ checkpoint, reference }) {
    const known = diagnose(checkpoint)
    const own = known.filter((each): each is Placeholder => each.kind === 'placeholder')
    const found = reference ? [...own, ...unfilled(checkpoint, reference, known)] : own
    for (const file of new Set(found.map(({ tensor }) => tensor.file))) {
      const those = found.filter(({ tensor }) => tensor.file === file)
      const all = checkpoint.tensors.filter((tensor) => tensor.file === file)
      // A file without a single value is one thing to say, not one for each of its names.
      if (those.length > 1 && those.length === all.length) yield wholeFile(file, those)
      else for (const each of those) yield one(each)
    }
  },
}

/** Those that only the reference shows to be without their values. */
function unfilled(checkpoint: Checkpoint, reference: Reference, known: readonly Diagnosis[]): Placeholder[] {
  const told = new Set(known.map(({ tensor }) => tensor))
  return weightsOf(checkpoint).flatMap((tensor): Placeholder[] => {
    const model = told.has(tensor) ? undefined : reference.filling(tensor)
    return model ? [{ kind: 'placeholder', tensor, expected: { shape: model.shape, source: reference.name } }] : []
  })
}

function one({ tensor, expected, swallowedBy }: Placeholder): Finding {
  const wanted = expected ? `; ${shapeText(expected.shape)} is expected (says ${expected.source})` : ''
  const where = swallowedBy ? `. Its values lie in the flat parameter saved as ${swallowedBy.name}` : ''
  const what = numel(tensor.shape) === 0 ? 'no values' : 'a single value in place of its own'
  return finding(
    'weights/placeholder',
    tensor.name,
    `${tensor.name} was saved as ${shapeText(tensor.shape)}, with ${what}${wanted}${where}`,
    {
      evidence: {
        file: tensor.file,
        shape: tensor.shape,
        ...(expected && { expected: expected.shape, source: expected.source }),
        ...(swallowedBy && { swallowedBy: swallowedBy.name }),
      },
      repair: 'Take the tensor from a reference checkpoint, or join the files of all ranks',
    },
  )
}

function wholeFile(file: string, those: readonly Placeholder[]): Finding {
  const names = those.slice(0, 50).map(({ tensor }) => tensor.name)
  return finding(
    'weights/placeholder',
    file,
    `${file} names ${those.length} tensors, and not one of them holds values`,
    {
      evidence: { file, tensors: names, count: those.length },
      repair: 'Take the weights from a reference checkpoint, or join the files of all ranks',
    },
  )
}
