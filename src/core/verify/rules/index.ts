import type { Rule } from '../rule'
import { allZero } from './all-zero'
import { checksum } from './checksum'
import { dtypeDrift } from './dtype-drift'
import { emptyState } from './empty-state'
import { flattened } from './flattened'
import { layerGap } from './layer-gap'
import { lossJump } from './loss-jump'
import { missingTensor } from './missing-tensor'
import { negativeSecondMoment } from './negative-second-moment'
import { nonFinite } from './non-finite'
import { optimizerShapeMismatch } from './optimizer-shape-mismatch'
import { placeholder } from './placeholder'
import { rankShard } from './rank-shard'
import { replicated } from './replicated'
import { rngMalformed } from './rng-malformed'
import { shapeMismatch } from './shape-mismatch'
import { stepMismatch } from './step-mismatch'
import { storageBloat } from './storage-bloat'
import { tiedDiffers } from './tied-differs'
import { wrapperPrefix } from './wrapper-prefix'
import { zeroRun } from './zero-run'

/** Every rule. What opening a file shows by itself (truncated, overlapping, dangerous ...) needs none. */
export const ALL_RULES: readonly Rule[] = [
  flattened,
  rankShard,
  placeholder,
  shapeMismatch,
  layerGap,
  missingTensor,
  wrapperPrefix,
  storageBloat,
  dtypeDrift,
  emptyState,
  optimizerShapeMismatch,
  stepMismatch,
  rngMalformed,
  lossJump,
  checksum,
  replicated,
  nonFinite,
  zeroRun,
  allZero,
  tiedDiffers,
  negativeSecondMoment,
]
