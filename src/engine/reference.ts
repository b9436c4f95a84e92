import type { Checkpoint } from '../core/checkpoint/checkpoint'
import { openCheckpoint } from '../core/checkpoint/open'

/** Has `use` work with the checkpoint at a path as its reference, open as long as it works; without one where there is no path. */
export async function withReference<Result>(
  path: string | undefined,
  use: (options: { readonly reference?: Checkpoint }) => Promise<Result>,
): Promise<Result> {
  if (path === undefined) return use({})
  const reference = await openCheckpoint(path)
  try {
    return await use({ reference })
  } finally {
    reference.close()
  }
}
