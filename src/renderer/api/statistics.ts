import { useCallback, useEffect, useSyncExternalStore } from 'react'
import type { Statistics, TensorRow } from '../../contract/schemas'
import type { Client } from './connection'
import { type Api, useApi } from './context'
import type { JobEvent } from './jobs'

/** Beyond this, statistics are read when the tensor is chosen, not because it scrolled by. */
const READ_UNASKED_BYTES = 64 * 2 ** 20

/** Statistics that have come in for one open checkpoint, by tensor index. */
class StatisticsStore {
  readonly #values = new Map<number, Statistics>()
  readonly #listeners = new Map<number, Set<() => void>>()

  get(index: number): Statistics | undefined {
    return this.#values.get(index)
  }

  put(index: number, statistics: Statistics): void {
    this.#values.set(index, statistics)
    for (const listener of this.#listeners.get(index) ?? []) listener()
  }

  subscribe(index: number, listener: () => void): () => void {
    const listeners = this.#listeners.get(index) ?? new Set()
    this.#listeners.set(index, listeners.add(listener))
    return () => listeners.delete(listener)
  }
}

const stores = new WeakMap<Client, { id: string; store: StatisticsStore }>()

/** Only the last checkpoint's are kept: one is open at a time. */
function storeOf(client: Client, id: string): StatisticsStore {
  const kept = stores.get(client)
  if (kept?.id === id) return kept.store
  const store = new StatisticsStore()
  stores.set(client, { id, store })
  return store
}

/** What is known of a tensor so far: for sorting rows by it. */
export function knownStatistics(client: Client, id: string): (index: number) => Statistics | undefined {
  const store = storeOf(client, id)
  return (index) => store.get(index)
}

export function measuringKey(id: string): string {
  return `statistics ${id}`
}

/** Reads the statistics of all these tensors as one job, in their order: hand in first what is in sight. */
export function measureAll({ client, jobs }: Api, id: string, rows: readonly TensorRow[]): Promise<number | undefined> {
  const store = storeOf(client, id)
  const wanted = rows.filter((row) => !store.get(row.index))
  return jobs.start<number>(measuringKey(id), 'Reading statistics', async (signal) =>
    measuring(client, store, id, wanted, signal),
  )
}

/** Tensors asked for at a time: a list of all of them would be one long message. */
const BATCH = 500

async function* measuring(
  client: Client,
  store: StatisticsStore,
  id: string,
  rows: readonly TensorRow[],
  signal: AbortSignal,
): AsyncGenerator<JobEvent<number>> {
  const sizes = new Map(rows.map((row) => [row.index, row]))
  const total = rows.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  let told = 0
  for (let start = 0; start < rows.length; start += BATCH) {
    const indices = rows.slice(start, start + BATCH).map(({ index }) => index)
    for await (const { index, statistics, error } of await client.statistics({ id, indices }, { signal })) {
      if (error === undefined) store.put(index, statistics)
      const row = sizes.get(index)
      done += row?.bytes ?? 0
      if (performance.now() - told < 100) continue
      told = performance.now()
      yield { type: 'progress', progress: { done, total, label: row?.name ?? '' } }
    }
  }
  yield { type: 'result', result: rows.length }
}

/** Asks for the statistics of rows that have been in sight for a moment, and drops the question when they leave it. */
export function useStatisticsOf(id: string, rows: readonly TensorRow[]): void {
  const { client } = useApi()
  const store = storeOf(client, id)
  const wanted = rows.filter((row) => row.bytes <= READ_UNASKED_BYTES && !store.get(row.index)).map((row) => row.index)
  const key = wanted.join()
  useEffect(() => {
    if (key === '') return
    const abort = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const stream = await client.statistics({ id, indices: key.split(',').map(Number) }, { signal: abort.signal })
        for await (const { index, statistics } of stream) store.put(index, statistics)
      } catch {
        // Numbers beside a row are a courtesy: choosing the tensor asks again and shows what is wrong.
      }
    }, 120)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [client, store, id, key])
}

/** Statistics of one tensor, as soon as they are there. */
export function useStatistic(id: string, index: number): Statistics | undefined {
  const { client } = useApi()
  const store = storeOf(client, id)
  const subscribe = useCallback((listener: () => void) => store.subscribe(index, listener), [store, index])
  return useSyncExternalStore(subscribe, () => store.get(index))
}

/** Keeps statistics that came with something else. */
export function useKeepStatistics(id: string): (index: number, statistics: Statistics) => void {
  const { client } = useApi()
  const store = storeOf(client, id)
  return (index, statistics) => store.put(index, statistics)
}
