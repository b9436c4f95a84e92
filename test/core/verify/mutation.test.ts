import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { RULES, type RuleId } from '../../../src/core/finding'
import { verify } from '../../../src/core/verify/verify'
import { goldenPath } from '../../golden/cases'
import { FILES, type Mutation } from './mutate-files'
import { MODEL } from './mutate-model'

/** Rules that a checkpoint breaks, each once. `change` damages it when it is open. */
async function rulesOf(path: string, change: (checkpoint: Checkpoint) => Partial<Checkpoint> = () => ({})) {
  const checkpoint = await openCheckpoint(path)
  try {
    const changed = { ...checkpoint, ...change(checkpoint) }
    const { findings } = await verify(changed, { kernel: referenceKernel, deep: true })
    return [...new Set(findings.map(({ rule }) => rule))]
  } finally {
    checkpoint.close()
  }
}

async function inMemory(change: (checkpoint: Checkpoint) => Partial<Checkpoint>) {
  const healthy = goldenPath('trainer-gpt2')
  return { before: await rulesOf(healthy), after: await rulesOf(healthy, change) }
}

async function onDisk({ of: name, inside, first, damage, open }: Mutation) {
  const original = goldenPath(name, inside)
  const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
  const folder = join(run, basename(original))
  cpSync(original, folder, { recursive: true })
  await first?.(folder)
  const before = await rulesOf(folder)
  if (!open) await damage(folder)
  const after = await rulesOf(folder, () => {
    if (open) damage(folder)
    return {}
  })
  rmSync(run, { recursive: true })
  return { before, after }
}

/** Told by layouts that are read as yet only by their names. */
const UNSTAGED: ReadonlySet<RuleId> = new Set(['optimizer/missing-rank'])

const all = (Object.keys(RULES) as RuleId[]).filter((rule) => !UNSTAGED.has(rule))

test.each(all)(
  '%s speaks, and no other rule, when what it watches is damaged in a healthy checkpoint',
  async (rule) => {
    const [model, files] = [MODEL[rule], FILES[rule]]
    if (!model && !files) throw new Error(`Nothing here damages what ${rule} watches: add a mutation`)
    const { before, after } = await (model ? inMemory(model) : onDisk(files as Mutation))
    expect(before).not.toContain(rule)
    expect(after.filter((each) => !before.includes(each))).toEqual([rule])
  },
)
