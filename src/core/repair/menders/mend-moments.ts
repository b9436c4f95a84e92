import type { Context } from '../context'
import { mendedMoments } from '../moments'
import type { Proposal } from '../steps'

/** Mends single moments of an optimizer, where all that is wrong with it is that they were flattened or are worth nothing. */
export async function mendMoments(context: Context): Promise<Proposal[]> {
  return [...(await mendedMoments(context)).values()].flat()
}
