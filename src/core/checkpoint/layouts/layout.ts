import type { LayoutId } from '../checkpoint'
import type { Draft } from '../draft'
import type { Listing } from '../listing'

/** One way to lay a checkpoint out on disk. Each file beside this one exports one. */
export interface Layout {
  readonly id: LayoutId
  /** Such as `HF Trainer checkpoint`; `open` may tell it more exactly. */
  readonly label: string
  /** Whether the names are those of this layout. Opens nothing. */
  matches(listing: Listing): boolean
  /** Opens the files into the draft and marks every component that the layout knows. */
  open(draft: Draft): Promise<void>
}
