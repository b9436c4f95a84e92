import type { Tensor } from '../../core/checkpoint/tensor'
import { align } from '../../core/diff/align'
import { differenceOf } from '../../core/diff/difference'
import { AssayError } from '../../core/errors'
import { procedures } from '../base'
import type { Held } from '../engine'
import { wirePicture } from '../look'
import { wireStatistics } from '../wire/tensor'

const BINS = 64
const PICTURE_SIDE = 96

const difference = procedures.difference.handler(async ({ input, context: { engine }, signal }) => {
  const [a, b] = pairOf(engine.get(input.a), engine.get(input.b), input)
  const options = { kernel: engine.kernel, bins: BINS, side: PICTURE_SIDE, ...(signal && { signal }) }
  const { statistics, histogram, picture } = await differenceOf(a, b, options)
  return {
    statistics: wireStatistics(statistics),
    histogram: histogram && { ...histogram, counts: [...histogram.counts] },
    picture: picture && wirePicture(picture),
  }
})

export const differences = { difference }

/** The two tensors that a row of the comparison spoke of. */
function pairOf(a: Held, b: Held, { name, nameB }: { name: string; nameB?: string | undefined }): [Tensor, Tensor] {
  const pair = align(a.checkpoint.tensors, b.checkpoint.tensors).find((each) => each.name === name)
  return [pair?.a ?? named(a, name), (nameB === undefined ? pair?.b : undefined) ?? named(b, nameB ?? name)]
}

function named({ checkpoint }: Held, name: string): Tensor {
  const tensor = checkpoint.tensors.find((each) => each.name === name)
  if (tensor) return tensor
  throw new AssayError('usage', `${checkpoint.name} has no tensor ${name}`)
}
