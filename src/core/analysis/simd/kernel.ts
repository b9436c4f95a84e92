import type { Kernel } from '../kernel'
import { referenceKernel } from '../reference'
import { simdChecksum } from './checksum'
import { measuresUlp, simdComparison } from './comparison'
import { MOST_BINS, simdHistogram } from './histogram'
import { MOST_CELLS, simd } from './module'
import { hasLanes } from './operand'
import { simdPicture } from './picture'
import { simdStatistics } from './statistics'

/**
 * The kernel over WebAssembly's SIMD: some ten times as fast as the reference and equal to it, sums to 1e-9 of themselves.
 * Complex numbers, packed pairs of float4 and distances between 8-bit floats are left to the reference; so is everything
 * where the engine has no SIMD.
 */
export const simdKernel: Kernel = {
  statistics(dtype, options = {}) {
    const at = simd()
    return at && hasLanes(dtype) ? simdStatistics(at, dtype, options) : referenceKernel.statistics(dtype, options)
  },
  comparison(a, b, options = {}) {
    const at = simd()
    const able = hasLanes(a) && hasLanes(b) && (!options.ulp || a !== b || measuresUlp(a, b) || !a.startsWith('float'))
    return at && able ? simdComparison(at, a, b, options) : referenceKernel.comparison(a, b, options)
  },
  histogram(dtype, min, max, bins) {
    const at = simd()
    return at && hasLanes(dtype) && bins <= MOST_BINS
      ? simdHistogram(at, dtype, min, max, bins)
      : referenceKernel.histogram(dtype, min, max, bins)
  },
  picture(dtype, shape, side) {
    const at = simd()
    return at && hasLanes(dtype) && side <= MOST_CELLS
      ? simdPicture(at, dtype, shape, side)
      : referenceKernel.picture(dtype, shape, side)
  },
  checksum(bytes) {
    const at = simd()
    return at ? simdChecksum(at, bytes) : referenceKernel.checksum(bytes)
  },
}
