import type { Rule } from '../rule'
import { adapterUntrained } from './adapter-untrained'
import { allZero } from './all-zero'
import { averageOnly } from './average-only'
import { badHeader } from './bad-header'
import { checksum } from './checksum'
import { configMismatch } from './config-mismatch'
import { dtypeDrift } from './dtype-drift'
import { duplicateCopies } from './duplicate-copies'
import { emptyState } from './empty-state'
import { flattened } from './flattened'
import { historyGap } from './history-gap'
import { layerGap } from './layer-gap'
import { learningRate } from './learning-rate'
import { lossJump } from './loss-jump'
import { lostState, zeroedState } from './lost-state'
import { lrJump } from './lr-jump'
import { missingTensor } from './missing-tensor'
import { negativeSecondMoment } from './negative-second-moment'
import { negativeVariance } from './negative-variance'
import { nonFinite } from './non-finite'
import { optimizerShapeMismatch } from './optimizer-shape-mismatch'
import { parameterMismatch } from './parameter-mismatch'
import { placeholder } from './placeholder'
import { rankMismatch } from './rank-mismatch'
import { rankShard } from './rank-shard'
import { rateMismatch } from './rate-mismatch'
import { rebuilt } from './rebuilt'
import { replicated } from './replicated'
import { rngMalformed } from './rng-malformed'
import { scalerMalformed } from './scaler-malformed'
import { settingsMismatch } from './settings-mismatch'
import { shapeMismatch } from './shape-mismatch'
import { stalePointer } from './stale-pointer'
import { stateContradicts } from './state-contradicts'
import { stepMismatch } from './step-mismatch'
import { storageBloat } from './storage-bloat'
import { targetMismatch } from './target-mismatch'
import { tiedDiffers } from './tied-differs'
import { twoSaves } from './two-saves'
import { unexpectedTensor } from './unexpected-tensor'
import { worldSize } from './world-size'
import { wrapperPrefix } from './wrapper-prefix'
import { zeroMoments } from './zero-moments'
import { zeroRun } from './zero-run'

/** Every rule. What opening a file shows by itself (truncated, overlapping, dangerous ...) needs none. */
export const ALL_RULES: readonly Rule[] = [
  badHeader,
  configMismatch,
  flattened,
  rankShard,
  placeholder,
  shapeMismatch,
  layerGap,
  missingTensor,
  unexpectedTensor,
  rankMismatch,
  targetMismatch,
  averageOnly,
  twoSaves,
  wrapperPrefix,
  storageBloat,
  dtypeDrift,
  emptyState,
  lostState,
  optimizerShapeMismatch,
  parameterMismatch,
  settingsMismatch,
  learningRate,
  rateMismatch,
  stepMismatch,
  rngMalformed,
  scalerMalformed,
  worldSize,
  rebuilt,
  stateContradicts,
  stalePointer,
  historyGap,
  lrJump,
  lossJump,
  checksum,
  replicated,
  nonFinite,
  zeroRun,
  duplicateCopies,
  negativeVariance,
  allZero,
  adapterUntrained,
  tiedDiffers,
  negativeSecondMoment,
  zeroMoments,
  zeroedState,
]
