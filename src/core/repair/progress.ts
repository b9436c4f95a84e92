import type { OnProgress } from '../write/output'

/** Sums the progress of several pieces of work into one count of bytes, of which more may come to light as it goes. */
export class Progress {
  #done = 0

  constructor(
    private total: number,
    private readonly report?: OnProgress,
  ) {}

  /** So many bytes more are to be read. */
  expect(bytes: number): void {
    this.total += bytes
  }

  add(bytes: number, label: string): void {
    this.#done += bytes
    this.report?.(Math.min(this.#done, this.total), this.total, label)
  }

  /** A listener for one piece of work, which counts its own bytes from 0. */
  piece(): OnProgress {
    let before = 0
    return (done, _, label) => {
      this.add(done - before, label)
      before = done
    }
  }
}
