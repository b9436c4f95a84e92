import { procedures } from './base'
import { checkpoints } from './procedures/checkpoints'
import { comparison } from './procedures/compare'
import { differences } from './procedures/difference'
import { raw } from './procedures/raw'
import { repairs } from './procedures/repair'
import { runs } from './procedures/run'
import { tensors } from './procedures/tensors'
import { watching } from './procedures/watch'

/** The whole contract, implemented: what every face of the app calls. */
export const router = procedures.router({
  ...checkpoints,
  ...tensors,
  ...comparison,
  ...differences,
  ...repairs,
  ...raw,
  ...runs,
  ...watching,
})
