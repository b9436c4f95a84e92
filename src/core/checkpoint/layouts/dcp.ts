import { joinPath } from '../../bytes/folder'
import { AssayError } from '../../errors'
import { finding, findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { type Distributed, METADATA, openDistributed } from '../distributed'
import type { Draft } from '../draft'
import { filesLike, hasFile, listingOfFolder } from '../listing'
import { some } from '../names'
import { markWeights } from '../weights'
import { notApplicable, openConfig } from './common'
import type { Layout } from './layout'
import { settleStates } from './states'

const PART = /\.distcp$/
/** What frameworks put beside: Lightning's meta.pt, Megatron-LM's common.pt. */
const BESIDE = /^(meta|common)\.pt$/

/**
 * A folder of torch.distributed.checkpoint (torch 2.13; FSDP, torchtitan, Lightning's sharded checkpoints, Megatron's torch_dist):
 * `.metadata`, written last, says what there is, `__RANK_N.distcp` hold it.
 */
export const dcp: Layout = {
  id: 'dcp',
  label: 'Distributed checkpoint (torch.distributed.checkpoint)',
  matches: (listing) => hasFile(listing, METADATA) || filesLike(listing, PART).length > 0,
  async open(draft) {
    const { listing } = draft
    for (const path of filesLike(listing, BESIDE)) await draft.open(path, 'trainer')
    if (hasFile(listing, 'meta.pt')) draft.label = 'Sharded Lightning checkpoint'
    if (hasFile(listing, 'common.pt')) draft.label = 'Megatron-LM checkpoint (torch_dist)'
    const opened = await addDistributed(draft, '', 'weights')
    draft.mark('tokenizer', 'not-applicable', [], 'torch.distributed.checkpoint saves none')
    settleStates(draft, `in ${listing.name}`)
    if (hasFile(listing, 'config.json')) await openConfig(draft, notApplicable(''))
    else
      draft.markFiles('config', draft.holders('config'), notApplicable('torch.distributed.checkpoint saves no config'))
    if (opened) markLosses(draft, opened, 'weights')
    else for (const id of ['weights', 'optimizer', 'scheduler'] as const) markUntold(draft, '', id)
  },
}

/**
 * Opens the folders of torch.distributed.checkpoint in which another layout keeps one component, and marks it:
 * `pytorch_model_fsdp_0/` and `optimizer_0/` of Accelerate.
 */
export async function openDistributedFolders(
  draft: Draft,
  id: 'weights' | 'optimizer',
  folders: readonly string[],
): Promise<void> {
  for (const folder of folders) {
    const opened = await addDistributed(draft, folder, id)
    const before = draft.component(id)
    const amiss = before.status === 'damaged' || before.status === 'missing'
    if (!opened) markUntold(draft, folder, id)
    else if (!(amiss && before.files.length > 0)) markLosses(draft, opened, id)
  }
}

async function addDistributed(draft: Draft, folder: string, id: ComponentId): Promise<Distributed | undefined> {
  const { listing } = draft
  const inside = folder === '' ? listing : listingOfFolder(joinPath(listing.root, folder))
  const file = folder === '' ? METADATA : `${folder}/${METADATA}`
  const parts = filesLike(inside, PART)
  if (!hasFile(inside, METADATA)) {
    const message = `${file} is not here: it is written last, so the save was interrupted, or a copy left out hidden files. Nothing else tells which tensors the ${parts.length} .distcp files hold`
    draft.findings.push(finding('trainer/incomplete-save', file, message, { evidence: { parts } }))
    draft.worldSize = ranksOf(parts)
    return undefined
  }
  let opened: Distributed
  try {
    opened = await openDistributed(listing.root, folder, id)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    draft.findings.push(findingOf(error, file))
    draft.worldSize = ranksOf(parts)
    return undefined
  }
  await draft.add(opened.state)
  for (const part of opened.parts) draft.files.push(part)
  draft.findings.push(...opened.findings)
  draft.worldSize = Math.max(draft.worldSize ?? 0, opened.ranks)
  const known = new Set(opened.parts.map(({ path }) => path))
  const stray = parts.filter((path) => !known.has(folder === '' ? path : `${folder}/${path}`))
  if (stray.length > 0) {
    const message = `${file} names nothing in ${some(stray)}: left over from a save by more ranks`
    draft.findings.push(finding('file/unknown-format', stray[0] as string, message, { severity: 'info' }))
  }
  return opened
}

/** Marks the components of which something cannot be read. */
function markLosses(draft: Draft, { state, losses }: Distributed, main: 'weights' | 'optimizer'): void {
  const files = [state.path]
  if (main === 'weights') markWeights(draft, [state], 'weights', `${state.path} names no tensors of a model`)
  else draft.mark(main, 'present', files)
  for (const [id, { status, note }] of losses) draft.mark(id, status, files, note)
}

/** Nothing tells what the files hold: it may be there and cannot be found. */
function markUntold(draft: Draft, folder: string, id: ComponentId): void {
  const file = folder === '' ? METADATA : `${folder}/${METADATA}`
  draft.mark(id, 'damaged', [file], `Without ${file} nothing tells where it is`)
}

function ranksOf(parts: readonly string[]): number {
  return new Set(parts.map((path) => path.replace(/^(.*\/)?__(\d+)_.*$/, '$2'))).size
}
