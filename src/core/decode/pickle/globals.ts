export type GlobalVerdict = 'safe' | 'unknown' | 'dangerous'

/** One class or function that unpickling would import. */
export interface GlobalUse {
  readonly module: string
  readonly name: string
  readonly verdict: GlobalVerdict
  /** Byte offset, in the pickle, of the opcode that names it first. */
  readonly offset: number
}
