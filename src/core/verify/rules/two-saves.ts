import { finding } from '../../finding'
import { firstDiffering } from '../passed-over'
import type { Rule } from '../rule'

/**
 * Weights with other values beside those that loaders take: `model.safetensors` hides shards and `pytorch_model.bin`
 * (transformers 5.18, modeling_utils.py), and which of the two was saved last no file says. `save_pretrained` clears shards of an earlier save away,
 * and leaves an earlier single file and the other format where they are.
 */
export const twoSaves: Rule = {
  ids: ['weights/two-saves'],
  needs: 'structure',
  async *check({ checkpoint, signal }) {
    const pair = await firstDiffering(checkpoint, signal)
    if (!pair) return
    const { own, other } = pair
    yield finding(
      'weights/two-saves',
      own.file,
      `${own.file} and ${other.file} hold the same model with other values (${own.name}): loaders take ${own.file} and pass over the other`,
      { evidence: { tensor: own.name, taken: own.file, passedOver: other.file } },
    )
  },
}
