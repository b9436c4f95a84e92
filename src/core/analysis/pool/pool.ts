import { processors, startThread, type Thread } from '../../bytes/thread'
import { AssayError } from '../../errors'
import type { Part, Sums } from './part'
import { AT_HAND, type Reply, type Request, type Rest, stopSlot } from './protocol'
import { workerCode } from './worker-code'

/** Memory, not the cores, is what more threads than this would wait for. */
const MOST_THREADS = 8
interface Task {
  readonly part: Part
  readonly job: Job
  readonly resolve: (sums: Sums) => void
  readonly reject: (error: Error) => void
}

/** Everything asked for under one signal. */
interface Job {
  readonly order: number
}

interface Hand {
  readonly thread: Thread<Request | Rest>
  readonly busy: Map<number, Task>
  /** What the thread looks at before each step. */
  readonly signs: Int32Array
  sent: number
}

/**
 * Threads that measure parts of tensors. They start when first needed, and what was asked for last is done first: that is
 * what somebody is looking at. `ASSAY_THREADS` in the environment sets how many; 0 for none.
 */
export class Pool {
  readonly #hands: Hand[] = []
  readonly #queue: Task[] = []
  readonly #jobs = new WeakMap<AbortSignal, Job>()
  readonly #background: Job = { order: 0 }
  readonly #size: number
  #asked = 0

  constructor(size = threadsWanted()) {
    this.#size = workerCode === '' ? 0 : size
  }

  /** Threads at most. */
  get size(): number {
    return this.#size
  }

  /** Parts that threads have at hand. */
  get busy(): number {
    return this.#hands.reduce((sum, { busy }) => sum + busy.size, 0)
  }

  /**
   * Does a part in some thread. Once `signal` fires, threads stop at their next step (half a MiB), and only then is
   * it `cancelled`: nobody works for nothing. Throws AssayError as the reads do.
   */
  run(part: Part, signal?: AbortSignal): Promise<Sums> {
    if (signal?.aborted) return Promise.reject(new AssayError('cancelled', 'Cancelled'))
    const job = signal ? this.#jobOf(signal) : this.#background
    return new Promise((resolve, reject) => {
      this.#queue.push({ part, job, resolve, reject })
      this.#deal()
    })
  }

  close(): void {
    for (const { thread } of this.#hands) thread.stop()
    this.#fail(this.#hands.splice(0), new AssayError('cancelled', 'Cancelled'))
  }

  #jobOf(signal: AbortSignal): Job {
    const known = this.#jobs.get(signal)
    if (known) return known
    const job = { order: ++this.#asked }
    this.#jobs.set(signal, job)
    signal.addEventListener('abort', () => this.#cancel(job), { once: true })
    return job
  }

  #cancel(job: Job): void {
    for (const { busy, signs } of this.#hands) {
      for (const [id, task] of busy) if (task.job === job) Atomics.store(signs, stopSlot(id), id)
    }
    for (let i = this.#queue.length - 1; i >= 0; i--) {
      const task = this.#queue[i] as Task
      if (task.job !== job) continue
      this.#queue.splice(i, 1)
      task.reject(new AssayError('cancelled', 'Cancelled'))
    }
  }

  #deal(): void {
    while (this.#queue.length > 0) {
      if (this.#hands.length < this.#size && this.#queue.length + this.busy > this.#hands.length) this.#start()
      const hand = this.#hands.reduce((least, one) => (one.busy.size < least.busy.size ? one : least))
      if (hand.busy.size >= AT_HAND) return
      const task = this.#next()
      const id = ++hand.sent
      if (hand.busy.size === 0) hand.thread.keepAlive(true)
      hand.busy.set(id, task)
      hand.thread.send({ id, part: task.part })
    }
    if (this.busy > 0) return
    for (const { thread } of this.#hands) {
      thread.send('rest')
      thread.keepAlive(false)
    }
  }

  /** Of the latest job the first. */
  #next(): Task {
    let at = 0
    for (let i = 1; i < this.#queue.length; i++) {
      if ((this.#queue[i] as Task).job.order > (this.#queue[at] as Task).job.order) at = i
    }
    return this.#queue.splice(at, 1)[0] as Task
  }

  #start(): void {
    const busy = new Map<number, Task>()
    const onReply = (reply: Reply) => {
      const task = busy.get(reply.id)
      busy.delete(reply.id)
      if (task && 'sums' in reply) task.resolve(reply.sums)
      else if (task && 'failure' in reply) task.reject(errorOf(reply.failure))
      this.#deal()
    }
    const onEnd = (why: Error) => {
      const at = this.#hands.indexOf(hand)
      if (at >= 0) this.#fail(this.#hands.splice(at, 1), why)
    }
    const signs = new Int32Array(new SharedArrayBuffer(4 * AT_HAND))
    const hand = { thread: startThread<Request | Rest, Reply>(workerCode, signs, onReply, onEnd), busy, signs, sent: 0 }
    this.#hands.push(hand)
  }

  #fail(hands: readonly Hand[], why: Error): void {
    for (const { busy } of hands) for (const { reject } of busy.values()) reject(why)
    if (this.#hands.length > 0) return
    for (const { reject } of this.#queue.splice(0)) reject(why)
  }
}

function errorOf({ code, message, ...where }: { code: string; message: string }): Error {
  return code === 'internal' ? new Error(message) : new AssayError(code, message, where)
}

function threadsWanted(): number {
  const wanted = Number(process.env.ASSAY_THREADS ?? Number.NaN)
  return Number.isInteger(wanted) && wanted >= 0 ? wanted : Math.min(processors(), MOST_THREADS)
}
