import { mappingOf, PyDict, PyFloat, type PyValue } from '../../decode/pickle/value'
import type { Anew } from './anew'
import { type Facts, fileElsewhere } from './facts'
import { torchFile } from './file'

const PATH = 'scaler.pt'

/** What `torch.amp.GradScaler` begins with (torch/amp/grad_scaler.py, 2.13). */
const FRESH = { scale: 65536, growth_factor: 2, backoff_factor: 0.5 }
const GROWTH_INTERVAL = 2000

/** A grad scaler where one is damaged, or where the rest of the run has one: with its scale, and no steps counted. */
export function rebuildScaler(facts: Facts): Anew[] {
  const { checkpoint, lost } = facts
  const there = checkpoint.files.some(({ path }) => path === PATH)
  const model = fileElsewhere(facts, PATH)
  if (!lost.has('scaler') && (there || !model)) return []
  const value = scalerLike(model?.file.value)
  const evidence = model
    ? `With the scale of ${model.checkpoint.name}; a scaler finds its scale again within some steps`
    : `With the scale that every scaler begins with, ${FRESH.scale}; it finds its own within some steps`
  return [{ component: 'scaler', subject: PATH, evidence, files: [torchFile(PATH, 'scaler', value)] }]
}

/** A scaler's state with the scale of `model`, or with the first that every scaler has, and no steps counted. */
export function scalerLike(model: PyValue | undefined): PyDict {
  const value = new PyDict()
  for (const [key, number] of Object.entries(FRESH)) value.entries.set(key, new PyFloat(number))
  value.entries.set('growth_interval', GROWTH_INTERVAL)
  for (const [key, own] of mappingOf(model) ?? []) value.entries.set(key, own)
  value.entries.set('_growth_tracker', 0)
  return value
}
