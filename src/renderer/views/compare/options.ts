import type { DiffOptions } from '../../api/compare'

/** What a comparison allows for, as it is typed. */
export interface Typed {
  readonly atol: number | ''
  readonly rtol: number | ''
  /** A line each: `name on the left = name on the right`. */
  readonly rename: string
}

export const NOTHING_TYPED: Typed = { atol: '', rtol: '', rename: '' }

/** The first line that is no pair of names; undefined where all are. */
export function wrongLine({ rename }: Typed): string | undefined {
  return linesOf(rename).find((line) => pairOf(line) === undefined)
}

/** The contract's words for it; what was left empty is left out. */
export function optionsOf({ atol, rtol, rename }: Typed): DiffOptions {
  const pairs = linesOf(rename).flatMap((line) => {
    const pair = pairOf(line)
    return pair ? [pair] : []
  })
  return {
    ...(atol !== '' && { atol }),
    ...(rtol !== '' && { rtol }),
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
  const [, left, right] = /^\s*(.*?\S)\s*=\s*(\S.*?)\s*$/.exec(line) ?? []
  return left !== undefined && right !== undefined ? [left, right] : undefined
}
