import { ORPCError } from '@orpc/server'
import { RPCHandler } from '@orpc/server/message-port'
import { describe, expect, it } from 'vitest'
import { Connection, EngineStopped } from '../../../src/renderer/api/connection'
import { allCases } from '../fixture/cases'
import { fixtureRouter, type Pace } from '../fixture/client'

const cases = allCases()
const PATH = '/data/flattened/checkpoint'

/** The page's end of a port with a fixture engine at the other. */
function engine(pace?: Pace): MessagePort {
  const { port1, port2 } = new MessageChannel()
  new RPCHandler(fixtureRouter(cases, pace)).upgrade(port1)
  port1.start()
  return port2
}

describe('the connection to the engine', () => {
  it('lets a call wait for the first port', async () => {
    const connection = new Connection()
    const opened = connection.client.open({ path: PATH })
    connection.attach(engine())
    expect(await opened).toMatchObject({ kind: 'checkpoint', path: PATH })
    connection.attach(engine())
  })

  it('lets a waiting call be aborted', async () => {
    const connection = new Connection()
    const abort = new AbortController()
    const opened = connection.client.open({ path: PATH }, { signal: abort.signal })
    abort.abort()
    await expect(opened).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('fails calls in flight when a new engine arrives, and takes the next one to it', async () => {
    const connection = new Connection()
    connection.attach(engine({ answer: 60_000, step: 0 }))
    const lost = connection.client.open({ path: PATH })
    const failure = expect(lost).rejects.toBeInstanceOf(EngineStopped)
    await new Promise((resolve) => setTimeout(resolve, 20))
    connection.attach(engine())
    await failure
    expect(await connection.client.open({ path: PATH })).toMatchObject({ path: PATH })
  })

  it('fails a stream in the middle when its engine is gone', async () => {
    const connection = new Connection()
    connection.attach(engine({ answer: 0, step: 5 }))
    const opened = await connection.client.open({ path: PATH })
    if (opened.kind !== 'checkpoint') throw new Error('a checkpoint was asked for')
    const events = await connection.client.verifyDeep({ id: opened.id })
    const read = async () => {
      let seen = 0
      for await (const _event of events) {
        seen += 1
        if (seen === 2) connection.attach(engine())
      }
    }
    await expect(read()).rejects.toBeInstanceOf(EngineStopped)
  })

  it('counts engines and tells who listens', () => {
    const connection = new Connection()
    const seen: number[] = []
    const stop = connection.subscribe(() => seen.push(connection.generation))
    connection.attach(engine())
    connection.attach(engine())
    stop()
    connection.attach(engine())
    expect(seen).toEqual([1, 2])
  })

  it('passes on what the engine itself says is wrong', async () => {
    const connection = new Connection()
    connection.attach(engine())
    await expect(connection.client.open({ path: '/data/page.html' })).rejects.toSatisfy(
      (error) => error instanceof ORPCError && error.data.code === 'file/not-a-checkpoint',
    )
  })
})
