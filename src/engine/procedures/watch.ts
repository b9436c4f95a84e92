import { openCheckpoint } from '../../core/checkpoint/open'
import { AssayError } from '../../core/errors'
import { Arrivals } from '../../core/run/arrivals'
import { verify } from '../../core/verify/verify'
import { procedures } from '../base'
import { choicesOf } from '../choices'
import { stream } from '../jobs'
import { withReference } from '../reference'
import { wireVerification } from '../wire/state'

/** Seconds without a change after which a checkpoint is thought to be written. */
const QUIET = 5
/** How often the folder is looked at within that time. */
const LOOKS = 5

const watch = procedures.watch.handler(({ input, context: { engine }, signal }) =>
  stream(signal, async function* (abort) {
    const quiet = (input.quiet ?? QUIET) * 1000
    const arrivals = new Arrivals(input.path, quiet)
    while (!abort.aborted) {
      for (const path of arrivals.look(Date.now())) {
        const reading = { deep: input.deep ?? false, kernel: engine.kernel, signal: abort }
        try {
          const checkpoint = await openCheckpoint(path)
          try {
            const verification = await withReference(input.reference, (known) =>
              verify(checkpoint, { ...reading, ...choicesOf(input), ...known }),
            )
            yield { path, verification: wireVerification(checkpoint, verification) }
          } finally {
            checkpoint.close()
          }
        } catch (error) {
          // It may have been rotated away while it was read: the next one will come.
          if (!(error instanceof AssayError) || abort.aborted) throw error
          yield { path, error: error.message }
        }
      }
      await pause(quiet / LOOKS, abort)
    }
  }),
)

export const watching = { watch }

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
