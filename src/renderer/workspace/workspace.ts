import type { OpenedCheckpoint } from '../../contract/contract'
import type { EditedPlan, Finding, TensorRow, Verification } from '../../contract/schemas'
import type { Api } from '../api/context'
import { type Problem, problemOf } from '../api/problem'
import { type ReadRun, readRun } from '../api/run'

export const VIEWS = ['overview', 'tensors', 'training', 'compare', 'repair', 'raw'] as const
export type ViewId = (typeof VIEWS)[number]

/** The two things the Repair view writes. */
export type RepairTab = 'repair' | 'export'

/** What the window can have open. */
export type Subject = OpenedCheckpoint | ReadRun

/** A tensor as people mean it when they go from one checkpoint of a run to the next: by file and name, not by position. */
export type TensorKey = Pick<TensorRow, 'name' | 'file'>

export interface WorkspaceState {
  /** What is open; nothing shows the welcome page. */
  readonly subject: Subject | null
  /** Path being opened, while it is. */
  readonly opening: string | null
  readonly failure: { readonly path: string; readonly problem: Problem } | null
  readonly view: ViewId
  readonly tab: RepairTab
  readonly chosen: TensorKey | null
  /** Findings of which one wants to see the step of the repair; until it is in sight. */
  readonly sought: readonly Sought[] | null
  /** A plan of a repair that was loaded, or why it could not be; until the Repair view has it. */
  readonly loaded: LoadedFile | null
}

export type LoadedFile = { readonly path: string } & ({ readonly plan: EditedPlan } | { readonly problem: Problem })

/** A finding, as the steps of a repair tell what they are about. */
export type Sought = Pick<Finding, 'rule' | 'subject'>

/** What the window has open and where it looks. One for each window; views read it through hooks.ts. */
export class Workspace {
  #state: WorkspaceState = {
    subject: null,
    opening: null,
    failure: null,
    view: 'overview',
    tab: 'repair',
    chosen: null,
    sought: null,
    loaded: null,
  }
  readonly #listeners = new Set<() => void>()
  #request = new AbortController()
  readonly #api: Api

  constructor(api: Api) {
    this.#api = api
    let generation = api.engine.generation
    api.engine.subscribe(() => {
      // The first engine finds nothing open; a later one knows nothing of what was.
      if (generation > 0) void this.reload()
      generation = api.engine.generation
    })
  }

  state = (): WorkspaceState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Opens a file or folder in place of what is open, which stays in sight until the new one is there. A plan of a repair is loaded
   * for the checkpoint that is open.
   */
  async open(path: string): Promise<void> {
    const { signal } = this.#begin()
    this.#set({ opening: path, failure: null })
    try {
      const plan = await this.#planAt(path)
      if (plan) {
        if (!signal.aborted) this.#take(path, plan)
        return
      }
      if (!(await this.#openRun(path, signal))) await this.#openCheckpoint(path, signal)
      if (!signal.aborted) await this.#api.bridge.addRecent(path)
    } catch (error) {
      if (!signal.aborted) this.#set({ opening: null, failure: { path, problem: problemOf(error) } })
    }
  }

  /** What is no plan may be all else. */
  async #planAt(path: string): Promise<EditedPlan | undefined> {
    if (!/\.json$/i.test(path)) return undefined
    return this.#api.client.readPlan({ path }).catch(() => undefined)
  }

  #take(path: string, plan: EditedPlan): void {
    if (this.#state.subject?.kind === 'checkpoint') {
      this.#set({ opening: null, view: 'repair', tab: 'repair', loaded: { path, plan } })
      return
    }
    const problem = {
      title: `${path} is the plan of a repair`,
      hint: 'Open the checkpoint that it is about, then load it in the Repair view or drop it on the window.',
      code: 'usage',
      file: path,
    }
    this.#set({ opening: null, failure: { path, problem } })
  }

  /** Whatever was being opened is of no interest any more. */
  #begin(): AbortController {
    this.#request.abort()
    this.#request = new AbortController()
    return this.#request
  }

  /** Shows a run from its first name on, and all that comes of it. False where there is none. */
  async #openRun(path: string, signal: AbortSignal): Promise<boolean> {
    let found = false
    for await (const run of readRun(this.#api.client, path, signal)) {
      if (signal.aborted) return true
      found = true
      this.#show(run)
    }
    return found || signal.aborted
  }

  async #openCheckpoint(path: string, signal: AbortSignal): Promise<void> {
    const opened = await this.#api.client.open({ path })
    if (opened.kind === 'run') throw new Error(`${opened.name} became a run while it was opened`)
    if (signal.aborted) this.#release(opened)
    else this.#show(opened)
  }

  #show(opened: Subject): void {
    const before = this.#state.subject
    this.#set({ subject: opened, opening: null, ...(before?.path !== opened.path && firstSight(before, opened)) })
    this.#release(before)
  }

  async reload(): Promise<void> {
    const { opening, failure, subject } = this.#state
    const path = opening ?? failure?.path ?? subject?.path
    if (path !== undefined) await this.open(path)
  }

  /** Back to the welcome page. */
  close(): void {
    this.#begin()
    const { subject } = this.#state
    this.#set({ subject: null, opening: null, failure: null, view: 'overview', chosen: null })
    this.#release(subject)
  }

  /** Puts a failure away; what was open before it is in sight again. */
  dismiss(): void {
    this.#set({ failure: null })
  }

  show(view: ViewId, tab: RepairTab = this.#state.tab): void {
    this.#set({ view, tab })
  }

  /** Shows what the repair does about findings. */
  repair(sought: readonly Sought[]): void {
    this.#set({ view: 'repair', tab: 'repair', sought })
  }

  /** What was sought is in sight, or not to be found. */
  found(): void {
    this.#set({ sought: null })
  }

  /** Shows the repair with the answers of a plan in a file, or why there are none. */
  async loadPlan(path: string): Promise<void> {
    const { subject } = this.#state
    const loaded = await this.#api.client.readPlan({ path }).then(
      (plan) => ({ path, plan }),
      (error: unknown) => ({ path, problem: problemOf(error) }),
    )
    if (this.#state.subject?.path === subject?.path) this.#set({ view: 'repair', tab: 'repair', loaded })
  }

  /** The plan that was loaded is in sight. */
  tookPlan(): void {
    this.#set({ loaded: null })
  }

  choose(tensor: TensorKey | null): void {
    this.#set({ chosen: tensor })
  }

  goTo(tensor: TensorKey): void {
    this.#set({ view: 'tensors', chosen: tensor })
  }

  /** Takes the verdict of a deep verification in place of the quick one. */
  verified(id: string, verification: Verification): void {
    const { subject } = this.#state
    if (subject?.kind === 'checkpoint' && subject.id === id) this.#set({ subject: { ...subject, verification } })
  }

  #release(opened: Subject | null): void {
    // Nobody waits for the answer, and an engine that is gone has closed everything already.
    if (opened?.kind === 'checkpoint') this.#api.client.close({ id: opened.id }).catch(() => undefined)
  }

  #set(change: Partial<WorkspaceState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** A sibling is looked at from where its brother was; anything else from the start. */
function firstSight(before: Subject | null, opened: Subject): Partial<WorkspaceState> {
  const isSibling =
    before?.kind === 'checkpoint' &&
    opened.kind === 'checkpoint' &&
    before.siblings.some((sibling) => sibling.path === opened.path)
  return isSibling ? {} : { view: 'overview', chosen: null, sought: null, loaded: null }
}
