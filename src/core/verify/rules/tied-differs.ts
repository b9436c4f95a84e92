import { equalValues } from '../../checkpoint/equal'
import { sameShape } from '../../checkpoint/tensor'
import { isReadable } from '../../checkpoint/values'
import { fieldsOf } from '../../decode/plain'
import { finding } from '../../finding'
import type { Rule } from '../rule'

const HEAD = /(^|\.)lm_head\.weight$/
const EMBEDDING = /(^|\.)(embed_tokens|wte|word_embeddings)\.weight$/

/** A head stored beside the embedding it should be tied to, with other values: loading keeps only one of the two. */
export const tiedDiffers: Rule = {
  ids: ['weights/tied-differs'],
  needs: 'values',
  async *check({ checkpoint, values, signal }) {
    if (fieldsOf(checkpoint.config)?.tie_word_embeddings !== true) return
    const weights = checkpoint.tensors.filter(({ component, blocks }) => component === 'weights' && blocks.length > 0)
    const heads = weights.filter(({ name }) => HEAD.test(name))
    const embeddings = weights.filter(({ name }) => EMBEDDING.test(name))
    const [head] = heads
    const [embedding] = embeddings
    if (heads.length !== 1 || embeddings.length !== 1 || !head || !embedding) return
    if (head.dtype !== embedding.dtype || !sameShape(head.shape, embedding.shape)) return
    // Values that are not there are a finding of the file that lacks them, which need not be that of the head.
    if (!isReadable(head) || !isReadable(embedding)) return
    if ((await values.attempt(head, () => equalValues(head, embedding, signal))) !== false) return
    yield finding(
      'weights/tied-differs',
      head.name,
      `${head.name} differs from ${embedding.name}, although config.json ties them: loading keeps only one of the two`,
      { evidence: { file: head.file, other: embedding.name } },
    )
  },
}
