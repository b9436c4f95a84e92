import type { StateFile } from './checkpoint'
import type { Draft } from './draft'
import { joined } from './files/series'
import { filesLike } from './listing'

/** Event files of TensorBoard, and the table of Lightning's CSVLogger. */
const EVENTS = /\btfevents\b/
const TABLE = /^metrics\.csv$/
/** Event files of one folder that are read. One is written each time that training starts. */
const MOST = 64

/** Whether the file is a log of metrics, by what its bytes are: JSON without a finding is the state of a Trainer. */
export function isLog({ kind, findings }: StateFile): boolean {
  return kind === 'tensorboard' || kind === 'csv' || (kind === 'json' && findings.length === 0)
}

/**
 * Opens the logs that lie in the folder, for its history. Event files are parts of one log: each begins where training was
 * taken up again. A folder with nothing but logs is no checkpoint, and lacks no weights.
 */
export async function openLogs(draft: Draft): Promise<void> {
  const before = draft.files.length
  const events = filesLike(draft.listing, EVENTS).slice(-MOST)
  for (const path of [...events, ...filesLike(draft.listing, TABLE)]) await draft.open(path, 'trainer')
  const parts = draft.records.filter(({ file }) => events.includes(file))
  const last = parts.at(-1)
  if (last && parts.length > 1) {
    const others = draft.records.filter((record) => !parts.includes(record))
    const whole = { ...last, value: joined(parts.map(({ value }) => value)) }
    draft.records.splice(0, draft.records.length, ...others, whole)
  }
  if (before > 0 || !draft.files.some(isLog)) return
  draft.label = 'Training logs'
  draft.mark('weights', 'not-applicable', [], `${draft.listing.name} holds logs; the weights are kept elsewhere`)
}
