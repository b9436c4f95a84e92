import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Checkpoint, ComponentId, ComponentStatus } from '../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../src/core/checkpoint/open'

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

/** A folder that is gone after the test. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A copy of what the case says is to be opened, gone after the test. */
export function copyOf(name: string): string {
  const folder = scratch()
  cpSync(placeOf(name), folder, { recursive: true })
  return folder
}

/** Opens a checkpoint and closes it after the test. */
export async function opened(path: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(path)
  onTestFinished(() => checkpoint.close())
  return checkpoint
}
