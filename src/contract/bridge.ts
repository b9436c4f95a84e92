/**
 * What the preload puts on `window.assay`: the few things a sandboxed page cannot do by itself. Everything about checkpoints
 * goes over the engine's MessagePort instead, which cannot pass the context bridge: the preload posts it with
 * `window.postMessage({ type: ENGINE_PORT }, '*', [port])` whenever an engine starts or has been started again.
 */
export interface Bridge {
  /** `process.platform` of the app. */
  readonly platform: string
  readonly versions: Readonly<Record<string, string>>
  /** Each of the four asks with the system's dialog; null when the user closed it. */
  chooseFile(): Promise<string | null>
  chooseFolder(): Promise<string | null>
  /** A plan of a repair. */
  choosePlan(): Promise<string | null>
  chooseSave(defaultName: string): Promise<string | null>
  /** Absolute path of a dropped file or folder. */
  pathOf(file: File): string
  /** Paths opened before, newest first. */
  recent(): Promise<string[]>
  addRecent(path: string): Promise<void>
  /** Calls back with each path that the system, a second start or the menu asks to open. Returns how to stop. */
  onOpen(listener: (path: string) => void): () => void
  /** Calls back with the id of each command picked in the menu. Returns how to stop. */
  onCommand(listener: (command: string) => void): () => void
  /** The run that comes with the app. */
  samplePath(): Promise<string>
  showInFolder(path: string): Promise<void>
}

/** `type` of the message that carries the engine's port, at `ports[0]`. */
export const ENGINE_PORT = 'assay:engine'

/** `type` of the message by which the page says that it listens now; a port posted before it may be lost. */
export const PAGE_READY = 'assay:ready'
