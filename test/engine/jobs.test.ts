import { describe, expect, it } from 'vitest'
import { AssayError } from '../../src/core/errors'
import { job, stream } from '../../src/engine/jobs'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const seen: Item[] = []
  for await (const item of items) seen.push(item)
  return seen
}

describe('a job', () => {
  it('ends with its result and nothing else when it is short', async () => {
    expect(await all(job(undefined, async () => 42))).toEqual([{ type: 'result', result: 42 }])
  })

  it('tells the latest progress, not every step of it', async () => {
    const events = await all(
      job(undefined, async (onProgress) => {
        for (let done = 1; done <= 50; done++) {
          onProgress(done, 50, 'weights')
          await pause(5)
        }
        return 'done'
      }),
    )
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.progress.done] : []))
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.length).toBeLessThan(25)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(events.at(-1)).toEqual({ type: 'result', result: 'done' })
  })

  it('fails with the code that its work failed with', async () => {
    const work = async () => {
      throw new AssayError('file/truncated', 'cut short', { file: 'a.pt', offset: 12 })
    }
    await expect(all(job(undefined, work))).rejects.toMatchObject({
      code: 'ASSAY',
      message: 'cut short',
      data: { code: 'file/truncated', file: 'a.pt', offset: 12 },
    })
  })

  it.each(['dropped', 'aborted'])('aborts its work when it is %s, and is over only when the work is', async (how) => {
    const abort = new AbortController()
    let over = false
    const events = job(abort.signal, async (onProgress, signal) => {
      onProgress(1, 2, 'weights')
      while (!signal.aborted) await pause(5)
      await pause(50)
      over = true
      throw new AssayError('cancelled', 'Cancelled')
    })
    expect((await events.next()).value).toMatchObject({ type: 'progress' })
    if (how === 'dropped') await events.return()
    else {
      abort.abort()
      await expect(events.next()).rejects.toMatchObject({ data: { code: 'cancelled' } })
    }
    expect(over).toBe(true)
  })
})

describe('a stream', () => {
  it('hands its signal down and fires it when it is dropped', async () => {
    let seen: AbortSignal | undefined
    const items = stream(undefined, async function* (signal) {
      seen = signal
      for (let i = 0; ; i++) yield i
    })
    for await (const item of items) if (item === 3) break
    expect(seen?.aborted).toBe(true)
  })
})
