import { ahead } from '../../core/analysis/ahead'
import { decodeValues } from '../../core/analysis/decode-values'
import { statisticsOf } from '../../core/analysis/statistics'
import type { Tensor } from '../../core/checkpoint/tensor'
import { readBlocks, sha256Of } from '../../core/checkpoint/values'
import { AssayError } from '../../core/errors'
import { procedures } from '../base'
import type { Held } from '../engine'
import { stream } from '../jobs'
import { lookOf } from '../look'
import { jsonNumber } from '../wire/json'
import { labelsOf } from '../wire/optimizer'
import { wireRow, wireStatistics } from '../wire/tensor'

const HEAD_VALUES = 64
/** Tensors that are measured at a time, where the kernel has threads for them. */
const AHEAD = 8

const rows = procedures.tensors.handler(({ input: { id, offset, limit }, context: { engine } }) => {
  const { checkpoint, flags } = engine.get(id)
  const { tensors } = checkpoint
  const labels = labelsOf(checkpoint)
  return {
    total: tensors.length,
    rows: tensors
      .slice(offset, offset + limit)
      .map((tensor, i) => wireRow(tensor, offset + i, flags, labels.get(tensor))),
  }
})

const tensor = procedures.tensor.handler(async ({ input: { id, index }, context: { engine }, signal }) => {
  const held = engine.get(id)
  const { checkpoint, flags } = held
  const chosen = tensorAt(held, index)
  const { dtype, shape, storage, blocks } = chosen
  const [block] = blocks
  const read = () => (block ? readBlocks(chosen, { ...(signal && { signal }) }) : nothing())
  const head: number[] = []
  for await (const values of read()) {
    head.push(...decodeValues(dtype, values).subarray(0, HEAD_VALUES))
    break
  }
  return {
    ...(await lookOf(engine.kernel, { dtype, shape, blocks: read })),
    row: wireRow(chosen, index, flags, labelsOf(checkpoint).get(chosen)),
    head: head.map(jsonNumber),
    ...(storage && { storage }),
    ...(blocks.length === 1 && block && { strides: [...block.strides], offset: block.offset }),
    sharedWith: storage === undefined ? [] : sharing(checkpoint.tensors, chosen),
  }
})

async function* nothing(): AsyncGenerator<Uint8Array> {}

const statistics = procedures.statistics.handler(({ input, context: { engine }, signal }) => {
  const { id, indices, exponents = false } = input
  const held = engine.get(id)
  return stream(signal, async function* (abort) {
    const options = { signal: abort, exponents }
    yield* ahead(indices, engine.kernel.statisticsOf ? AHEAD : 1, async (index) => {
      const chosen = tensorAt(held, index)
      const read = await attempt(() => statisticsOf(chosen, engine.kernel, options))
      if ('value' in read) return { index, statistics: wireStatistics(read.value) }
      const none = engine.kernel.statistics(chosen.dtype, options).result()
      return { index, statistics: wireStatistics(none), error: read.error }
    })
  })
})

const digests = procedures.digests.handler(({ input: { id, indices }, context: { engine }, signal }) => {
  const held = engine.get(id)
  return stream(signal, async function* (abort) {
    for (const index of indices) {
      const read = await attempt(() => sha256Of(tensorAt(held, index), abort))
      yield 'value' in read ? { index, sha256: read.value } : { index, sha256: null, error: read.error }
    }
  })
})

export const tensors = { tensors: rows, tensor, statistics, digests }

function tensorAt({ checkpoint }: Held, index: number): Tensor {
  const tensor = checkpoint.tensors[index]
  if (tensor) return tensor
  throw new AssayError('usage', `${checkpoint.name} has no tensor ${index}: it holds ${checkpoint.tensors.length}`)
}

/** What `read` gives, or why it cannot, so that one lost tensor does not hide the others. Cancelling goes on up. */
async function attempt<Value>(read: () => Promise<Value>): Promise<{ value: Value } | { error: string }> {
  try {
    return { value: await read() }
  } catch (error) {
    if (error instanceof AssayError && error.code !== 'cancelled') return { error: error.message }
    throw error
  }
}

function sharing(all: readonly Tensor[], one: Tensor): string[] {
  return all
    .filter((other) => other !== one && other.file === one.file && other.storage?.key === one.storage?.key)
    .map((other) => other.name)
}
