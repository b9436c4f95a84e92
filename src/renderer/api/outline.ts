import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import type { PickledFile, RawNode, StoredText } from '../../contract/schemas'
import type { Client } from './connection'
import { useApi } from './context'
import { type Problem, problemOf } from './problem'

/** Children asked for at a time. */
const PAGE = 200

/** The pickled files of the open checkpoint, and what they import. */
export function usePickles(id: string) {
  const { client } = useApi()
  return useQuery<PickledFile[]>({
    queryKey: ['pickles', id],
    queryFn: ({ signal }) => client.pickles({ id }, { signal }),
  })
}

/** What people can read inside the archives of the open checkpoint. */
export function useTexts(id: string) {
  const { client } = useApi()
  return useQuery<StoredText[]>({
    queryKey: ['texts', id],
    queryFn: ({ signal }) => client.texts({ id }, { signal }),
  })
}

/** Characters of a text asked for at a time. */
const TEXT_PAGE = 40_000

/** Such a text, page by page. */
export function useText(id: string, { file, path }: StoredText) {
  const { client } = useApi()
  return useInfiniteQuery({
    queryKey: ['text', id, file, path],
    queryFn: ({ pageParam, signal }) =>
      client.text({ id, file, path, offset: pageParam, limit: TEXT_PAGE }, { signal }),
    initialPageParam: 0,
    getNextPageParam: ({ total }, pages) => (pages.length * TEXT_PAGE < total ? pages.length * TEXT_PAGE : undefined),
  })
}

/** Child positions from the root as one text: `0.3`; the root's own is empty. */
function keyOf(path: readonly number[]): string {
  return path.join('.')
}

function pathOf(key: string): number[] {
  return key === '' ? [] : key.split('.').map(Number)
}

export interface OutlineState {
  readonly root: RawNode | null
  /** Children that have come so far, by the key of their parent. */
  readonly children: ReadonlyMap<string, readonly RawNode[]>
  readonly opened: ReadonlySet<string>
  readonly chosen: string | null
  /** The node whose children could not be read, and why. */
  readonly failed: { readonly key: string; readonly problem: Problem } | null
}

/** The object tree of one pickled file, as far as it was opened. Nothing is asked for before it is looked at. */
export class Outline {
  #state: OutlineState = {
    root: null,
    children: new Map(),
    opened: new Set(['']),
    chosen: null,
    failed: null,
  }
  readonly #asked = new Map<string, Promise<void>>()
  readonly #listeners = new Set<() => void>()

  constructor(
    private readonly client: Client,
    private readonly id: string,
    private readonly file: string,
  ) {}

  state = (): OutlineState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  open(keys: readonly string[], open: boolean): void {
    const opened = new Set(this.#state.opened)
    for (const key of keys) {
      if (open) opened.add(key)
      else opened.delete(key)
    }
    this.#set({ opened })
  }

  choose(key: string): void {
    this.#set({ chosen: key })
  }

  /** Fetches children of a node until there are more than `from`, at least a page; one page of a node after the other. */
  more(key: string, from: number): Promise<void> {
    const before = this.#asked.get(key) ?? Promise.resolve()
    const asked = before.then(() => this.#fetch(key, from))
    this.#asked.set(key, asked)
    return asked
  }

  /** Opens everything above a node, and chooses it. */
  async reveal(path: readonly number[]): Promise<void> {
    const above = path.map((_, depth) => keyOf(path.slice(0, depth)))
    for (const [depth, key] of above.entries()) await this.more(key, path[depth] ?? 0)
    this.open(above, true)
    this.choose(keyOf(path))
  }

  async #fetch(key: string, from: number): Promise<void> {
    const { client, id, file } = this
    const have = this.#state.children.get(key) ?? []
    if (this.#state.root && have.length > from) return
    try {
      const limit = Math.max(PAGE, from + 1 - have.length)
      const page = await client.raw({ id, file, path: pathOf(key), offset: have.length, limit })
      const children = new Map(this.#state.children).set(key, [...have, ...page.children])
      this.#set({ children, failed: null, ...(key === '' && { root: page.node }) })
    } catch (error) {
      this.#set({ failed: { key, problem: problemOf(error) } })
    }
  }

  #set(change: Partial<OutlineState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

const outlines = new WeakMap<Client, { id: string; files: Map<string, Outline> }>()

/** The tree of a pickled file: as it was left, while the checkpoint is open. */
export function useOutline(id: string, file: string): readonly [Outline, OutlineState] {
  const { client } = useApi()
  const outline = outlineOf(client, id, file)
  return [outline, useSyncExternalStore(outline.subscribe, outline.state)]
}

/** Only the last checkpoint's are kept: one is open at a time. */
function outlineOf(client: Client, id: string, file: string): Outline {
  const kept = outlines.get(client)
  const files = kept?.id === id ? kept.files : new Map<string, Outline>()
  if (kept?.files !== files) outlines.set(client, { id, files })
  const outline = files.get(file) ?? new Outline(client, id, file)
  files.set(file, outline)
  return outline
}
