import type { Part, Sums } from './part'

/** Numbered one after the other for each thread, from 1. Written into the shared memory, at `stopSlot`, the number ends the work. */
export interface Request {
  readonly id: number
  readonly part: Part
}

/** Parts a thread has at hand: the one it works on and the next, so that it never waits for another to be sent. */
export const AT_HAND = 2

/** Place of a part's stop sign in the shared memory: no two at hand have the same. */
export function stopSlot(id: number): number {
  return id % AT_HAND
}

/** Let go of all files: nothing is to be done for now. */
export type Rest = 'rest'

/** An error crosses by its parts: AssayError is a class, and arrives as a plain Error. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly file?: string
  readonly offset?: number
  readonly hint?: string
}

export type Reply = { readonly id: number } & ({ readonly sums: Sums } | { readonly failure: Failure })
