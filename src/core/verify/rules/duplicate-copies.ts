import { equalValues } from '../../checkpoint/equal'
import { byteLength, type Tensor } from '../../checkpoint/tensor'
import { AssayError } from '../../errors'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'
import { list } from '../text'

/** Waste below this is nobody's concern. */
const LEAST_BYTES = 1 << 10

/** Files that hold the same tensors with the same values, such as a whole model saved by every rank. */
export const duplicateCopies: Rule = {
  ids: ['weights/duplicate-copies'],
  needs: 'values',
  async *check({ checkpoint, signal }) {
    const files = new Map<string, Tensor[]>()
    for (const tensor of weightsOf(checkpoint)) {
      const own = files.get(tensor.file)
      if (own) own.push(tensor)
      else files.set(tensor.file, [tensor])
    }
    if (files.size < 2) return
    const alike = new Map<string, [string, Tensor[]][]>()
    for (const [file, tensors] of files) {
      const form = tensors
        .map(({ name, dtype, shape }) => `${name} ${dtype} ${shape}`)
        .sort()
        .join('\n')
      alike.set(form, [...(alike.get(form) ?? []), [file, tensors]])
    }
    for (const [first, ...others] of alike.values()) {
      if (!first) continue
      const [file, tensors] = first
      const bytes = tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0)
      if (bytes < LEAST_BYTES) continue
      const copies: string[] = []
      for (const [other, theirs] of others) if (await sameValues(tensors, theirs, signal)) copies.push(other)
      if (copies.length === 0) continue
      const verb = copies.length === 1 ? 'holds' : 'hold'
      yield finding('weights/duplicate-copies', file, `${list(copies)} ${verb} the same values as ${file}`, {
        evidence: { file, copies, bytes: bytes * copies.length },
      })
    }
  },
}

/** Whether tensors of equal names are equal, up to the first that is not. What cannot be read is not equal. */
async function sameValues(a: readonly Tensor[], b: readonly Tensor[], signal?: AbortSignal): Promise<boolean> {
  const theirs = new Map(b.map((tensor) => [tensor.name, tensor]))
  try {
    for (const tensor of a) {
      const other = theirs.get(tensor.name)
      if (!other || tensor.blocks.length === 0 || other.blocks.length === 0) return false
      if (!(await equalValues(tensor, other, signal))) return false
    }
    return true
  } catch (error) {
    if (error instanceof AssayError && error.code !== 'cancelled') return false
    throw error
  }
}
