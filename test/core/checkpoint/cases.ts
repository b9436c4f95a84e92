import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ComponentId, ComponentStatus } from '../../../src/core/checkpoint/checkpoint'

const golden = join(import.meta.dirname, '../../golden')

export interface Truth {
  readonly path: string
  readonly layout: string
  readonly expect: {
    readonly components: Readonly<Record<ComponentId, ComponentStatus>>
    readonly step: number | null
    readonly epoch: number | null
    readonly world_size: number | null
  }
  readonly tensors: readonly {
    readonly name: string
    readonly dtype: string
    readonly shape: readonly number[]
    readonly sha256: string
  }[]
}

export function truthOf(name: string): Truth {
  return JSON.parse(readFileSync(join(golden, name, 'truth.json'), 'utf8'))
}

/** What the case says is to be opened, or a place in it. */
export function placeOf(name: string, inside?: string): string {
  return join(golden, name, inside ?? truthOf(name).path)
}
