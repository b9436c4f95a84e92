import type { DiffOptions } from '../../api/compare'

/** What a comparison allows for, as it is typed. */
export interface Typed {
  readonly atol: string
  readonly rtol: string
  /** A line each: `name on the left = name on the right`. */
  readonly rename: string
  /** Tell the largest distance in representable values. */
  readonly ulp: boolean
  /** Leave the training state out. */
  readonly weightsOnly: boolean
}

export const NOTHING_TYPED: Typed = { atol: '', rtol: '', rename: '', ulp: false, weightsOnly: false }

/** Whether a tolerance is left empty or a number from 0 on, as 1e-6. */
export function isTolerance(text: string): boolean {
  const value = Number(text)
  return Number.isFinite(value) && value >= 0
}

/** Whether a comparison can go by it. */
export function isSound(typed: Typed): boolean {
  return isTolerance(typed.atol) && isTolerance(typed.rtol) && wrongLine(typed) === undefined
}

/** The first line that is no pair of names; undefined where all are. */
export function wrongLine({ rename }: Typed): string | undefined {
  return linesOf(rename).find((line) => pairOf(line) === undefined)
}

/** How many of them are set: what decides a comparison must not be out of sight. */
export function activeOptions({ atol, rtol, rename, ulp, weightsOnly }: Typed): number {
  const set = [atol.trim() !== '', rtol.trim() !== '', linesOf(rename).length > 0, ulp, weightsOnly]
  return set.filter(Boolean).length
}

/** The contract's words for it; what was left empty is left out. */
export function optionsOf({ atol, rtol, rename, ulp, weightsOnly }: Typed): DiffOptions {
  const pairs = linesOf(rename).flatMap((line) => {
    const pair = pairOf(line)
    return pair ? [pair] : []
  })
  return {
    ...(atol.trim() !== '' && { atol: Number(atol) }),
    ...(rtol.trim() !== '' && { rtol: Number(rtol) }),
    ...(ulp && { ulp }),
    ...(weightsOnly && { weightsOnly }),
    ...(pairs.length > 0 && { rename: Object.fromEntries(pairs) }),
  }
}

/** The same for sides that have changed places. */
export function swappedOptions(typed: Typed): Typed {
  const lines = linesOf(typed.rename).map((line) => pairOf(line)?.reverse().join(' = ') ?? line)
  return { ...typed, rename: lines.join('\n') }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

function pairOf(line: string): [left: string, right: string] | undefined {
  const [, left, right] = /^\s*(.*?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
  return left !== undefined && right !== undefined && left + right !== '' ? [left, right] : undefined
}
