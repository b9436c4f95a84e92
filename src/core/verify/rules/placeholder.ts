import { numel } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'
import { type Diagnosis, diagnose } from '../shapes/diagnosis'
import { shapeText } from '../text'

type Placeholder = Diagnosis & { kind: 'placeholder' }

/** Parameters saved as [0] or [1]: ZeRO-3 and FSDP leave such where the values were not gathered. */
export const placeholder: Rule = {
  ids: ['weights/placeholder'],
  needs: 'structure',
  *check({ checkpoint }) {
    const found = diagnose(checkpoint).filter((each): each is Placeholder => each.kind === 'placeholder')
    for (const file of new Set(found.map(({ tensor }) => tensor.file))) {
      const those = found.filter(({ tensor }) => tensor.file === file)
      const all = checkpoint.tensors.filter((tensor) => tensor.file === file)
      // A file without a single value is one thing to say, not one for each of its names.
      if (those.length > 1 && those.length === all.length) yield wholeFile(file, those)
      else for (const each of those) yield one(each)
    }
  },
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
