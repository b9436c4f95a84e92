import { byteLength, type Tensor } from '../../checkpoint/tensor'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { list } from '../text'

/** Waste below this is nobody's concern. */
const LEAST_BYTES = 1 << 20

/** Views saved with the whole storage they look at (pytorch#1995): the file is larger than its tensors. */
export const storageBloat: Rule = {
  ids: ['weights/storage-bloat'],
  needs: 'structure',
  *check({ checkpoint }) {
    const storages = new Map<string, Tensor[]>()
    for (const tensor of checkpoint.tensors) {
      if (!tensor.storage) continue
      const key = `${tensor.file}\0${tensor.storage.key}`
      const views = storages.get(key)
      if (views) views.push(tensor)
      else storages.set(key, [tensor])
    }
    for (const views of storages.values()) {
      const [first] = views as [Tensor]
      const stored = first.storage?.byteLength ?? 0
      const used = views.reduce((sum, tensor) => sum + byteLength(tensor), 0)
      if (stored - used < LEAST_BYTES || used * 2 > stored) continue
      const names = list(views.map(({ name }) => name))
      const verb = views.length === 1 ? 'uses' : 'use'
      yield finding(
        'weights/storage-bloat',
        first.name,
        `${names} ${verb} ${used} of the ${stored} bytes that ${first.file} stores for ${views.length === 1 ? 'it' : 'them'}`,
        {
          evidence: {
            file: first.file,
            storage: first.storage?.key,
            stored,
            used,
            tensors: views.slice(0, 50).map(({ name }) => name),
          },
          repair: 'Store only what is used',
        },
      )
    }
  },
}
