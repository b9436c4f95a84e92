import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useSyncExternalStore } from 'react'
import type { Bridge } from '../../contract/bridge'
import type { Client } from './connection'
import { type JobState, Jobs } from './jobs'

/** Everything the window knows of the world outside: handed in, so that a page without an app can hand in its own. */
export interface Api {
  readonly client: Client
  readonly bridge: Bridge
  readonly jobs: Jobs
  /** Counts engines; changes when one was started again and everything open must be opened anew. */
  readonly engine: { readonly generation: number; subscribe(listener: () => void): () => void }
}

export function createApi(client: Client, bridge: Bridge, engine: Api['engine']): Api {
  return { client, bridge, engine, jobs: new Jobs() }
}

const Context = createContext<Api | null>(null)

export function ApiProvider({ api, children }: { api: Api; children: ReactNode }) {
  return (
    <Context value={api}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </Context>
  )
}

/** Answers about an open checkpoint never go stale: its id changes when it is opened again. */
const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY, retry: false, networkMode: 'always' } },
})

export function useApi(): Api {
  const api = useContext(Context)
  if (!api) throw new Error('useApi needs an ApiProvider above it')
  return api
}

export function useEngineGeneration(): number {
  const { engine } = useApi()
  return useSyncExternalStore(engine.subscribe, () => engine.generation)
}

/** What the job under `key` says at the moment. The caller names the result type that its own `start` gave. */
export function useJob<Result>(key: string): JobState<Result> | undefined {
  const { jobs } = useApi()
  return useSyncExternalStore(jobs.subscribe, () => jobs.get(key)) as JobState<Result> | undefined
}

export function useRunningJobs(): ReturnType<Jobs['running']> {
  const { jobs } = useApi()
  return useSyncExternalStore(jobs.subscribe, jobs.running)
}
