/** Where a command writes. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** All that a command knows of the world it runs in; a test hands in its own. */
export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths start from. */
  readonly folder: string
  /** Fires when the user interrupts. */
  readonly signal?: AbortSignal
}
