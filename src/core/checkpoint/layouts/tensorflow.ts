import { filesLike, type Listing } from '../listing'
import { some } from '../names'
import { markWeights } from '../weights'
import { notApplicable, openConfig } from './common'
import type { Layout } from './layout'
import { settleStates } from './states'

const DATA = /\.data-\d{5}-of-\d{5}$/

/** A folder that tf.train.Checkpoint wrote: indexes with their data files. The last one is opened, as tf.train.latest_checkpoint does. */
export const tensorflow: Layout = {
  id: 'folder',
  label: 'TensorFlow checkpoint',
  matches: (listing) => indexes(listing).length > 0,
  async open(draft) {
    const all = indexes(draft.listing)
    const last = all.at(-1) as string
    const opened = await draft.open(last, 'weights')
    markWeights(draft, [opened], 'weights', `${last} lists no tensors`)
    const { status, files, note } = draft.component('weights')
    if (all.length > 1 && status === 'present') {
      draft.mark('weights', status, files, note ?? `${some(all.slice(0, -1))} not read: ${last} is the last one`)
    }
    await openConfig(draft, notApplicable('No config.json; TensorFlow keeps the model in code'))
    settleStates(draft, `in ${last}`)
  },
}

/** Indexes with a data file beside them, in natural order. */
function indexes(listing: Listing): string[] {
  const prefixes = new Set(filesLike(listing, DATA).map((path) => path.replace(DATA, '')))
  return filesLike(listing, /\.index$/).filter((path) => prefixes.has(path.slice(0, -'.index'.length)))
}
