import { joinPath } from '../../bytes/folder'
import { AssayError } from '../../errors'
import { finding } from '../../finding'
import { foldersLike, hasFile, type Listing, listingOfFolder } from '../listing'
import { some } from '../names'
import { markWeights } from '../weights'
import { notApplicable } from './common'
import type { Layout } from './layout'
import { settleStates } from './states'

const RANK = /^mp_rank_\d{2,}(_\d{3,}){0,2}$/
const STATE = 'model_optim_rng.pt'
/** Ranks of one checkpoint that are opened. */
const MOST_RANKS = 4096

/**
 * `iter_0000100/` of Megatron-LM's older form (megatron/training/checkpointing.py): a folder for each tensor- and pipeline-parallel rank, with
 * model, optimizer, schedule and random states in one file. Of a model on one rank that is everything; the pieces of several are listed
 * and not put together, as nothing in them says how they were cut.
 */
export const megatron: Layout = {
  id: 'megatron',
  label: 'Megatron-LM checkpoint',
  matches: (listing) => ranksIn(listing).length > 0,
  async open(draft) {
    const { listing } = draft
    const ranks = ranksIn(listing)
    const files = []
    for (const rank of ranks.slice(0, MOST_RANKS)) files.push(await draft.open(`${rank}/${STATE}`, 'weights'))
    markWeights(draft, files, 'weights', `${STATE} holds no model`)
    settleStates(draft, `in ${STATE}`)
    draft.markFiles('config', draft.holders('config'), notApplicable(`No arguments of the training in ${STATE}`))
    draft.mark('tokenizer', 'not-applicable', [], 'Megatron-LM saves none')
    if (ranks.length < 2) return
    draft.label = `Megatron-LM checkpoint of ${ranks.length} ranks`
    const message = `${some(ranks)} hold the pieces of ${ranks.length} tensor- or pipeline-parallel ranks, which Assay lists and does not put together`
    draft.findings.push(finding('file/unknown-format', ranks[0] as string, message, { evidence: { ranks } }))
  },
}

/** Folders of ranks with a state in them. */
function ranksIn(listing: Listing): string[] {
  return foldersLike(listing, RANK).filter((folder) => {
    try {
      return hasFile(listingOfFolder(joinPath(listing.root, folder)), STATE)
    } catch (error) {
      if (error instanceof AssayError) return false
      throw error
    }
  })
}
