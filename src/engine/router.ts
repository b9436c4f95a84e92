import { lazy } from '@orpc/server'
import { procedures } from './base'

const checkpoints = async () => (await import('./procedures/checkpoints')).checkpoints
const comparison = async () => (await import('./procedures/compare')).comparison
const differences = async () => (await import('./procedures/difference')).differences
const holding = async () => (await import('./procedures/holding')).holding
const planFiles = async () => (await import('./procedures/plan-file')).planFiles
const raw = async () => (await import('./procedures/raw')).raw
const repairs = async () => (await import('./procedures/repair')).repairs
const runs = async () => (await import('./procedures/run')).runs
const tensors = async () => (await import('./procedures/tensors')).tensors
const watching = async () => (await import('./procedures/watch')).watching

/**
 * The whole contract, implemented: what every face of the app calls. What a procedure needs is loaded when it is first called, so
 * that a command starts without what it does not use.
 */
export const router = procedures.router({
  open: of(checkpoints, 'open'),
  verifyDeep: of(checkpoints, 'verifyDeep'),
  state: of(checkpoints, 'state'),
  history: of(checkpoints, 'history'),
  histories: of(checkpoints, 'histories'),
  rules: of(checkpoints, 'rules'),
  scan: of(checkpoints, 'scan'),
  hold: of(holding, 'hold'),
  close: of(holding, 'close'),
  run: of(runs, 'run'),
  verifyRun: of(runs, 'verifyRun'),
  watch: of(watching, 'watch'),
  tensors: of(tensors, 'tensors'),
  tensor: of(tensors, 'tensor'),
  statistics: of(tensors, 'statistics'),
  digests: of(tensors, 'digests'),
  diff: of(comparison, 'diff'),
  difference: of(differences, 'difference'),
  readPlan: of(planFiles, 'readPlan'),
  repairPlan: of(repairs, 'repairPlan'),
  repairPreview: of(repairs, 'repairPreview'),
  repair: of(repairs, 'repair'),
  undoRepair: of(repairs, 'undoRepair'),
  exportOffers: of(repairs, 'exportOffers'),
  exportPlan: of(repairs, 'exportPlan'),
  export: of(repairs, 'export'),
  pickles: of(raw, 'pickles'),
  raw: of(raw, 'raw'),
  texts: of(raw, 'texts'),
  text: of(raw, 'text'),
})

function of<Part, Name extends keyof Part>(load: () => Promise<Part>, name: Name) {
  return lazy(async () => ({ default: (await load())[name] }))
}
