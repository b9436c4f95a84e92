import { filesLike, foldersLike, hasFile, type Listing } from '../listing'

interface Foreign {
  readonly what: string
  /** What reads it instead. */
  readonly opens?: string
}

/** Folders of other frameworks, told by the files that mark them, so that they can be named. */
const FOREIGN: readonly (Foreign & { readonly matches: (listing: Listing) => boolean })[] = [
  {
    what: 'a Megatron-LM checkpoint',
    matches: (l) => hasFile(l, 'latest_checkpointed_iteration.txt') || foldersLike(l, /^mp_rank_\d\d/).length > 0,
  },
  {
    what: 'an Orbax (JAX) checkpoint',
    opens: 'orbax.checkpoint.StandardCheckpointer opens it',
    matches: (l) => hasFile(l, '_CHECKPOINT_METADATA') || hasFile(l, 'manifest.ocdbt') || hasFile(l, '_METADATA'),
  },
  {
    what: 'a TensorFlow SavedModel',
    opens: 'tf.saved_model.load opens it; open its folder `variables` for the values alone',
    matches: (l) => hasFile(l, 'saved_model.pb'),
  },
  {
    what: 'a TensorFlow checkpoint without its index',
    matches: (l) => filesLike(l, /\.data-\d{5}-of-\d{5}$/).length > 0,
  },
]

/** What other framework wrote the folder, if one that is known by its files did. */
export function foreignFolder(listing: Listing): Foreign | undefined {
  return FOREIGN.find(({ matches }) => matches(listing))
}
