/** Work that lasts longer than this without a pause keeps a cancel message, or a question about something else, waiting. */
const BREATH_MS = 16

let last = 0

/**
 * Lets the event loop turn if it has not for a while. Local reads resolve at once, so that a long loop over them would
 * otherwise never hear that it has been cancelled. Await it between blocks, before looking at the signal.
 */
export async function breathe(): Promise<void> {
  const now = performance.now()
  if (now - last < BREATH_MS) return
  await new Promise((resolve) => setImmediate(resolve))
  last = performance.now()
}
