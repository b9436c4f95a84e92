import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What truth.json says of a case; see README.md here. */
export interface Truth {
  readonly path: string
  readonly expect: {
    readonly verdict: 'complete' | 'partial' | 'broken'
    readonly components: Readonly<Record<string, string>>
    readonly findings: readonly { readonly rule: string; readonly subject: string }[]
    readonly step: number | null
    readonly epoch: number | null
  }
  readonly tensors: readonly TrueTensor[]
  readonly repaired?: readonly TrueTensor[]
  readonly reference?: string
  readonly loss: readonly (readonly [step: number, value: number | string])[]
  readonly lr: readonly (readonly [step: number, value: number | string])[]
  readonly run?: { readonly path: string; readonly checkpoints: readonly { readonly path: string; readonly verdict: string }[] }
}

export interface TrueTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly sha256: string
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  readonly std: number | null
  readonly l2: number | null
  readonly zeros: number
  readonly nan: number
  readonly inf: number
}

export function truthOf(name: string): Truth {
  return JSON.parse(readFileSync(join(import.meta.dirname, name, 'truth.json'), 'utf8'))
}

/** Absolute path of what a case is about, or of a place inside the case. */
export function goldenPath(name: string, inside: string = truthOf(name).path): string {
  return join(import.meta.dirname, name, inside)
}

/** Names of the cases that begin with `prefix`. */
export function casesLike(prefix: string): string[] {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.map(({ name }) => name).filter((name) => name.startsWith(prefix))
}
