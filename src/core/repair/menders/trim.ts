import { byteLength, type Tensor } from '../../checkpoint/tensor'
import { list } from '../../verify/text'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Stores of a tensor only what it uses, where a file keeps the whole storage that it is a small view of. */
export function trim({ checkpoint, verification }: Context): Proposal[] {
  return verification.findings.flatMap(({ rule, subject, evidence }) => {
    if (rule !== 'weights/storage-bloat') return []
    const views = checkpoint.tensors.filter(
      ({ file, storage, blocks }) => file === evidence?.file && storage?.key === evidence?.storage && blocks.length > 0,
    )
    if (views.length === 0) return []
    const values = ownValues(views)
    const used = [...new Set(values.values())].reduce((sum, each) => sum + byteLength(each), 0)
    const apart = new Set(values.values()).size
    const proposal: Proposal = {
      kind: 'trim',
      subject,
      action: `Store only what ${list(views.map(({ name }) => name))} ${views.length === 1 ? 'uses' : 'use'}`,
      evidence: `The storage has ${evidence?.stored} bytes, of which ${used} are used${apart > 1 ? '; views that overlap in it become tensors of their own' : ''}`,
      confidence: apart > 1 ? 'likely' : 'certain',
      rules: [rule],
      before: `${evidence?.stored} bytes`,
      after: `${used} bytes`,
      changes: views.map((tensor) => ({ tensor, values: values.get(tensor) ?? tensor, dtype: tensor.dtype })),
    }
    return [proposal]
  })
}

/** Each view as a tensor over its own values; views that are the same share them. */
function ownValues(views: readonly Tensor[]): Map<Tensor, Tensor> {
  const known = new Map<string, Tensor>()
  return new Map(
    views.map((tensor) => {
      const key = JSON.stringify([
        tensor.dtype,
        ...tensor.blocks.map(({ offset, shape, strides }) => [offset, shape, strides]),
      ])
      const own = known.get(key) ?? { ...tensor, storage: undefined }
      known.set(key, own)
      return [tensor, own]
    }),
  )
}
