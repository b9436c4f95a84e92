import type { RngState } from '../../checkpoint/checkpoint'
import { processesByScheduler, ratesAgree } from '../../checkpoint/training/rates'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { list } from '../text'

/** Random states of another number of processes than trained: files of two saves in one folder, or of a larger run before. */
export const worldSize: Rule = {
  ids: ['rng/world-size'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { rng } = checkpoint.state
    const ranked = rng.filter(({ rank }) => rank !== undefined)
    if (ranked.length === 0) return
    const twice = ranked.filter((one) => ranked.some((other) => other !== one && other.rank === one.rank))
    if (twice.length > 0) {
      const files = [...new Set(twice.map(({ file }) => file))]
      const message = `${list(files)} are random states of the same process: one of them is left over from a save with another number of processes`
      yield finding('rng/world-size', files[0] as string, message, { evidence: { files } })
    }
    if (checkpoint.state.resized) {
      const message = `A repair has made the random states for ${checkpoint.state.worldSize} processes, whatever number trained`
      yield finding('rng/world-size', (ranked[0] as RngState).file, message)
      return
    }
    const [optimizer] = checkpoint.state.optimizers
    const [scheduler] = checkpoint.state.schedulers
    const sameSave = !optimizer || !scheduler || ratesAgree(optimizer, scheduler) !== false
    const stepped =
      checkpoint.layout === 'accelerate' && sameSave ? processesByScheduler(optimizer, scheduler) : undefined
    if (stepped !== undefined && stepped < highest(ranked) + 1) {
      const message = `There are random states of ${highest(ranked) + 1} processes, but the scheduler was stepped by ${stepped}`
      yield finding('rng/world-size', (ranked.at(-1) as RngState).file, message, {
        evidence: { files: highest(ranked) + 1, processes: stepped },
      })
    }
  },
}

function highest(ranked: readonly RngState[]): number {
  return Math.max(-1, ...ranked.map(({ rank }) => rank ?? 0))
}
