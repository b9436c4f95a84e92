import { itemSize } from '../../checkpoint/dtype'
import { equalValues } from '../../checkpoint/equal'
import { byteLength, numel, type Tensor } from '../../checkpoint/tensor'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { diagnose } from '../shapes/diagnosis'
import { shapeText } from '../text'

/** A gather that joined equal copies: a whole multiple of the expected values, every part the same. The first is enough. */
export const replicated: Rule = {
  ids: ['weights/replicated'],
  needs: 'values',
  async *check({ checkpoint, values, signal, onBytes }) {
    for (const diagnosis of diagnose(checkpoint)) {
      if (diagnosis.kind !== 'multiple') continue
      const { tensor, expected, times } = diagnosis
      const count = (bytes: number) => onBytes?.(bytes, tensor.name)
      if (!(await values.attempt(tensor, () => partsAreEqual(tensor, times, count, signal)))) continue
      const text = shapeText(expected.shape)
      yield finding(
        'weights/replicated',
        tensor.name,
        `${tensor.name} has ${numel(tensor.shape)} values: ${times} equal copies of its ${text} (says ${expected.source})`,
        {
          evidence: { file: tensor.file, times, shape: expected.shape, source: expected.source },
          repair: `Keep the first copy, as ${text}`,
        },
      )
    }
  },
}

async function partsAreEqual(
  tensor: Tensor,
  times: number,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const block = tensor.blocks[0]
  if (tensor.blocks.length !== 1 || !block) return false
  const length = numel(tensor.shape) / times
  const step = length * (block.strides[0] ?? 1) * itemSize(tensor.dtype)
  const part = (i: number): Tensor => ({
    ...tensor,
    shape: [length],
    blocks: [{ ...block, offset: block.offset + i * step, shape: [length] }],
  })
  for (let i = 1; i < times; i++) {
    if (!(await equalValues(part(0), part(i), signal))) return false
    onBytes(byteLength(part(i)) * (i === 1 ? 2 : 1))
  }
  return true
}
