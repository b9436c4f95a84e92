import { ahead } from '../../core/analysis/ahead'
import { decodeValues } from '../../core/analysis/decode-values'
import type { Accumulator, Kernel } from '../../core/analysis/kernel'
import { picture } from '../../core/analysis/picture'
import { statisticsOf } from '../../core/analysis/statistics'
import type { Tensor } from '../../core/checkpoint/tensor'
import { readBlocks, sha256Of } from '../../core/checkpoint/values'
import { AssayError } from '../../core/errors'
import { procedures } from '../base'
import type { Held } from '../engine'
import { stream } from '../jobs'
import { jsonNumber } from '../wire/json'
import { labelsOf } from '../wire/optimizer'
import { wireRow, wireStatistics } from '../wire/tensor'

const BINS = 64
const HEAD_VALUES = 64
const PICTURE_SIDE = 96
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

/** One pass for the statistics and the picture, one more for the histogram, which needs to know the range. */
const tensor = procedures.tensor.handler(async ({ input: { id, index }, context: { engine }, signal }) => {
  const held = engine.get(id)
  const { checkpoint, flags } = held
  const chosen = tensorAt(held, index)
  const { dtype, shape, storage, blocks } = chosen
  const statistics = engine.kernel.statistics(dtype, { exponents: true })
  const drawing = picture(dtype, shape, PICTURE_SIDE)
  const head: number[] = []
  if (blocks.length > 0) {
    for await (const block of readBlocks(chosen, { ...(signal && { signal }) })) {
      statistics.update(block)
      drawing?.update(block)
      if (head.length === 0) head.push(...decodeValues(dtype, block).subarray(0, HEAD_VALUES))
    }
  }
  const { min, max } = statistics.result()
  const [block] = blocks
  return {
    row: wireRow(chosen, index, flags, labelsOf(checkpoint).get(chosen)),
    statistics: wireStatistics(statistics.result()),
    histogram: min === null || max === null ? null : await histogramOf(engine.kernel, chosen, min, max, signal),
    head: head.map(jsonNumber),
    picture: blocks.length === 0 ? null : wirePicture(drawing),
    ...(storage && { storage }),
    ...(blocks.length === 1 && block && { strides: [...block.strides], offset: block.offset }),
    sharedWith: storage === undefined ? [] : sharing(checkpoint.tensors, chosen),
  }
})

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

async function feed(accumulator: Accumulator<unknown>, tensor: Tensor, signal: AbortSignal | undefined): Promise<void> {
  for await (const block of readBlocks(tensor, { ...(signal && { signal }) })) accumulator.update(block)
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

async function histogramOf(kernel: Kernel, tensor: Tensor, min: number, max: number, signal: AbortSignal | undefined) {
  const bins = kernel.histogram(tensor.dtype, min, max, BINS)
  await feed(bins, tensor, signal)
  return { min, max, counts: Array.from(bins.result()) }
}

function wirePicture(drawing: ReturnType<typeof picture>) {
  if (!drawing) return null
  const { width, height, values } = drawing.result()
  return { width, height, values: [...values] }
}

function sharing(all: readonly Tensor[], one: Tensor): string[] {
  return all
    .filter((other) => other !== one && other.file === one.file && other.storage?.key === one.storage?.key)
    .map((other) => other.name)
}
