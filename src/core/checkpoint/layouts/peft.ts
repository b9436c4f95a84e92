import { finding } from '../../finding'
import type { Draft } from '../draft'
import { hasFile, type Listing } from '../listing'
import { modelFiles, openWeights } from '../weights'
import { isNothing, missing, notApplicable, openStates, openTokenizer } from './common'
import type { Layout } from './layout'

const CONFIG = 'adapter_config.json'

export function hasAdapter(listing: Listing): boolean {
  return hasFile(listing, CONFIG) || modelFiles(listing, ['adapter_model']) !== undefined
}

/**
 * Opens `adapter_model.safetensors` (or .bin) and `adapter_config.json` (peft 0.21, `save_pretrained`) and marks `adapter`:
 * damaged without its config, because then its rank and targets are unknown, and missing without its weights.
 */
export async function openAdapter(draft: Draft): Promise<void> {
  const chosen = modelFiles(draft.listing, ['adapter_model'])
  const files = await openWeights(
    draft,
    chosen,
    'adapter',
    'No adapter_model.safetensors or adapter_model.bin: only the config of the adapter is here',
  )
  const paths = files.map(({ path }) => path)
  if (!hasFile(draft.listing, CONFIG)) {
    draft.mark('adapter', 'damaged', paths, `${CONFIG} is not here: its rank, its scaling and its targets are unknown`)
    return
  }
  const config = await draft.openJson(CONFIG)
  draft.config = config ?? draft.config
  const { status: held, note } = draft.component('adapter')
  if (config === undefined) draft.mark('adapter', 'damaged', [...paths, CONFIG], `${CONFIG} cannot be read`)
  else if (isNothing(config)) {
    const nothing = `${CONFIG} holds nothing: the kind of the adapter, its rank and its targets are unknown`
    draft.findings.push(finding('adapter/missing-config', CONFIG, nothing))
    draft.mark('adapter', 'damaged', [...paths, CONFIG], nothing)
  } else draft.mark('adapter', held, [...paths, CONFIG], note)
  if (chosen && files.every(({ tensors, findings }) => tensors.length === 0 && findings.length === 0)) {
    draft.findings.push(finding('adapter/empty', chosen.files[0] ?? CONFIG, `${chosen.files[0]} holds no tensors`))
  }
}

/** A PEFT adapter saved by itself. */
export const peft: Layout = {
  id: 'peft',
  label: 'PEFT adapter',
  matches: hasAdapter,
  async open(draft) {
    draft.mark('weights', 'not-applicable', [], 'The weights are those of the base model; only the adapter is saved')
    draft.mark('config', 'not-applicable', [], 'adapter_config.json takes its place')
    await openAdapter(draft)
    await openTokenizer(draft, notApplicable('No tokenizer files; an adapter uses those of its base model'))
    for (const [id, what] of [
      ['optimizer', 'optimizer.pt'],
      ['scheduler', 'scheduler.pt'],
      ['rng', 'rng_state.pth'],
    ] as const) {
      const paths = hasFile(draft.listing, what) ? [what] : []
      await openStates(draft, id, paths, missing(`No ${what}: the adapter was saved without its training state`))
    }
  },
}
