import type { Kernel } from '../core/analysis/kernel'
import { referenceKernel } from '../core/analysis/reference'
import type { Checkpoint } from '../core/checkpoint/checkpoint'
import { AssayError } from '../core/errors'
import type { Verification } from '../core/verify/verify'

/** A checkpoint that a face has open. */
export interface Held {
  readonly id: string
  readonly checkpoint: Checkpoint
  /** The latest: of names and shapes when it was opened, of every value once those were read. */
  readonly verification: Verification
}

/** What one face of the app has open. Everything it opened is closed with it. */
export class Engine {
  readonly kernel: Kernel = referenceKernel
  readonly #held = new Map<string, Held>()
  #opened = 0

  hold(checkpoint: Checkpoint, verification: Verification): Held {
    this.#opened += 1
    const held = { id: `checkpoint-${this.#opened}`, checkpoint, verification }
    this.#held.set(held.id, held)
    return held
  }

  /** The open checkpoint called `id`. Throws AssayError `not-open`. */
  get(id: string): Held {
    const held = this.#held.get(id)
    if (held) return held
    throw new AssayError('not-open', 'This checkpoint is not open any more', { hint: 'Open it again.' })
  }

  /** Keeps what a later verification found. */
  learn(id: string, verification: Verification): void {
    this.#held.set(id, { ...this.get(id), verification })
  }

  release(id: string): void {
    this.#held.get(id)?.checkpoint.close()
    this.#held.delete(id)
  }

  close(): void {
    for (const id of [...this.#held.keys()]) this.release(id)
  }
}
