import { availableParallelism } from 'node:os'
import { parentPort, Worker, workerData } from 'node:worker_threads'

/** A worker thread that answers what it is sent. */
export interface Thread<Request> {
  send(request: Request): void
  /** Whether the process waits for it. */
  keepAlive(keep: boolean): void
  stop(): void
}

/**
 * Starts a thread on JavaScript that is at hand as text (CommonJS), so that there is no file to be found beside a bundle.
 * `shared` is memory that both sides see. `onReply` hears every answer; `onEnd` that the thread died, and why. The process ends
 * without waiting for the thread unless it is told to.
 */
export function startThread<Request, Reply>(
  code: string,
  shared: Int32Array,
  onReply: (reply: Reply) => void,
  onEnd: (why: Error) => void,
): Thread<Request> {
  const worker = new Worker(code, { eval: true, execArgv: [], workerData: shared.buffer })
  worker.on('message', onReply)
  worker.on('error', onEnd)
  worker.on('exit', (status) => onEnd(new Error(`a worker thread ended with ${status}`)))
  worker.unref()
  return {
    send: (request) => worker.postMessage(request),
    keepAlive: (keep) => (keep ? worker.ref() : worker.unref()),
    stop: () => {
      worker.removeAllListeners()
      void worker.terminate()
    },
  }
}

/** In the thread: answers requests for as long as there are any. */
export function answerAll<Request, Reply>(answer: (request: Request, shared: Int32Array) => Reply | undefined): void {
  const shared = new Int32Array(workerData)
  parentPort?.on('message', (request: Request) => {
    const reply = answer(request, shared)
    if (reply !== undefined) parentPort?.postMessage(reply)
  })
}

/** Processors that this process may use. */
export function processors(): number {
  return availableParallelism()
}
