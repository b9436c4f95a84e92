import type { Kernel } from '../core/analysis/kernel'
import { pooledKernel } from '../core/analysis/pool/kernel'
import type { Checkpoint } from '../core/checkpoint/checkpoint'
import { AssayError } from '../core/errors'
import { Soundness } from '../core/repair/soundness'
import { flagsOf, type TensorFlag } from '../core/verify/flags'
import type { Verification } from '../core/verify/verify'

/** A checkpoint that a face has open. */
export interface Held {
  readonly id: string
  readonly checkpoint: Checkpoint
  /** The latest: of names and shapes when it was opened, of every value once those were read; none where nobody asked. */
  readonly verification?: Verification
  /** What a table marks the tensors with, by index. */
  readonly flags: ReadonlyMap<number, readonly TensorFlag[]>
}

/** One pool of threads for all faces: they share the machine. */
const sharedKernel = pooledKernel()

/** What one face of the app has open. Everything it opened is closed with it. */
export class Engine {
  readonly #held = new Map<string, Held>()
  /** What plans of repairs have found out of values. */
  readonly soundness = new Soundness()
  /** Told apart from every engine before it: a face keeps answers by the ids of what it opened. */
  readonly #name = Math.random().toString(36).slice(2)
  #opened = 0

  constructor(readonly kernel: Kernel = sharedKernel) {}

  hold(checkpoint: Checkpoint, verification?: Verification): Held {
    this.#opened += 1
    return this.#keep(`${this.#name}-${this.#opened}`, checkpoint, verification)
  }

  /** The open checkpoint called `id`. Throws AssayError `not-open`. */
  get(id: string): Held {
    const held = this.#held.get(id)
    if (held) return held
    throw new AssayError('not-open', 'This checkpoint is not open any more', { hint: 'Open it again.' })
  }

  /** Keeps what a later verification found. */
  learn(id: string, verification: Verification): void {
    this.#keep(id, this.get(id).checkpoint, verification)
  }

  release(id: string): void {
    this.#held.get(id)?.checkpoint.close()
    this.#held.delete(id)
  }

  close(): void {
    for (const id of [...this.#held.keys()]) this.release(id)
  }

  #keep(id: string, checkpoint: Checkpoint, verification?: Verification): Held {
    const findings = verification?.findings ?? []
    const held = {
      id,
      checkpoint,
      ...(verification && { verification }),
      // Asked for by tables only, and 100,000 tensors take a while.
      get flags() {
        return flagsOf(checkpoint, findings)
      },
    }
    this.#held.set(id, held)
    return held
  }
}
