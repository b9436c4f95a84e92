import type { Progress } from '../../contract/schemas'
import type { Io } from '../io'
import { safe } from './safe'
import { bytesText } from './units'

/** One line on standard error that tells how far a job is, only where a person watches. */
export function progressLine({ stderr }: Io): { show(progress: Progress): void; clear(): void } {
  if (!stderr.isTTY) return { show() {}, clear() {} }
  const width = (stderr.columns ?? 80) - 1
  let shown = false
  return {
    show({ done, total, label }) {
      const percent = total > 0 ? `${Math.floor((done / total) * 100)}%`.padStart(4) : '   …'
      const text = `${percent}  ${bytesText(done)} of ${bytesText(total)}  ${safe(label)}`
      stderr.write(`\r${text.slice(0, width).padEnd(width)}`)
      shown = true
    },
    clear() {
      if (shown) stderr.write(`\r${' '.repeat(width)}\r`)
      shown = false
    },
  }
}
