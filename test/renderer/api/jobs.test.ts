import { describe, expect, it, vi } from 'vitest'
import { type JobEvent, Jobs } from '../../../src/renderer/api/jobs'

const progress = (done: number): JobEvent<string> => ({
  type: 'progress',
  progress: { done, total: 4, label: `${done}` },
})

async function* events(...list: JobEvent<string>[]): AsyncGenerator<JobEvent<string>> {
  yield* list
}

describe('jobs', () => {
  it('keep the result under their key', async () => {
    const jobs = new Jobs()
    const result = await jobs.start('k', 'Working', async () => events(progress(1), { type: 'result', result: 'done' }))
    expect(result).toBe('done')
    expect(jobs.get('k')).toEqual({ status: 'done', title: 'Working', result: 'done' })
    expect(jobs.running()).toEqual([])
  })

  it('are listed while they run, with how far they are', async () => {
    const jobs = new Jobs()
    const seen: unknown[] = []
    jobs.subscribe(() => seen.push(jobs.running().map(({ key, progress }) => [key, progress?.done])))
    await jobs.start('k', 'Working', async () => events(progress(1), progress(3), { type: 'result', result: '' }))
    expect(seen).toEqual([[['k', undefined]], [['k', 1]], [['k', 3]], []])
  })

  it('tell how fast they go once there is something to go by', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const jobs = new Jobs()
    const rates: unknown[] = []
    jobs.subscribe(() => rates.push(jobs.get('k')?.rate))
    const slowly = async function* (): AsyncGenerator<JobEvent<string>> {
      yield progress(0)
      vi.advanceTimersByTime(2000)
      yield progress(3)
    }
    await jobs.start('k', 'Working', async () => slowly())
    vi.useRealTimers()
    expect(rates.slice(0, 3)).toEqual([undefined, undefined, 1.5])
  })

  it('fail, and say that the engine stopped, when they are ended by somebody else than the user', async () => {
    const jobs = new Jobs()
    const gone = Object.assign(new Error('closed'), { name: 'AbortError' })
    await jobs.start('k', 'Export', () => Promise.reject(gone))
    expect(jobs.get('k')).toMatchObject({ status: 'failed', problem: { code: 'engine/stopped' } })
  })

  it('stop the stream when they are cancelled, and that is no failure', async () => {
    const jobs = new Jobs()
    let closed = false
    const endless = async function* (signal: AbortSignal): AsyncGenerator<JobEvent<string>> {
      try {
        for (let i = 0; ; i++) {
          signal.throwIfAborted()
          await new Promise((resolve) => setTimeout(resolve, 1))
          yield progress(i)
        }
      } finally {
        closed = true
      }
    }
    const running = jobs.start('k', 'Working', async (signal) => endless(signal))
    await new Promise((resolve) => setTimeout(resolve, 10))
    jobs.cancel('k')
    expect(jobs.get('k')?.status).toBe('cancelled')
    expect(await running).toBeUndefined()
    expect(closed).toBe(true)
    expect(jobs.get('k')?.status).toBe('cancelled')
  })

  it('say why they failed', async () => {
    const jobs = new Jobs()
    await jobs.start('k', 'Working', async () => {
      throw new Error('no such file')
    })
    expect(jobs.get('k')).toMatchObject({ status: 'failed', problem: { title: 'no such file' } })
  })

  it('fail when a stream ends without a result', async () => {
    const jobs = new Jobs()
    await jobs.start('k', 'Working', async () => events(progress(1)))
    expect(jobs.get('k')).toMatchObject({ status: 'failed', problem: { code: 'engine/no-result' } })
  })

  it('give way to a new one of the same key', async () => {
    const jobs = new Jobs()
    const never = new Promise<never>(() => undefined)
    void jobs.start('k', 'First', () => never)
    await jobs.start('k', 'Second', async () => events({ type: 'result', result: 'second' }))
    expect(jobs.get('k')).toMatchObject({ title: 'Second', result: 'second' })
  })
})
