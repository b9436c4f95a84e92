import { existsSync } from 'node:fs'
import { referenceKernel } from '../../src/core/analysis/reference'
import type { Checkpoint } from '../../src/core/checkpoint/checkpoint'
import { isRun, openCheckpoint, openPath } from '../../src/core/checkpoint/open'
import { plainOf } from '../../src/core/decode/pickle/plain-of'
import { type Finding, RULES } from '../../src/core/finding'
import { history } from '../../src/core/history/history'
import { planRepair } from '../../src/core/repair/plan'
import { scan } from '../../src/core/verify/scan'
import { verify } from '../../src/core/verify/verify'
import { localEngine } from '../../src/engine/local'

/** What the pickles of `hostile-*` leave behind where one is really loaded. */
const CANARY = '/tmp/pwned'
const LONGEST_MESSAGE = 2000
const MOST_FINDINGS = 5000
const LARGEST_EVIDENCE = 1 << 20
/** Tensors whose values are asked for through the engine. */
const LOOKED_AT = 3

/**
 * Does with a path what a user does: opens it, verifies it, looks at its state, plans a repair, scans it. Content may be as bad
 * as it likes: nothing throws, and every trouble is a finding with a known rule, a subject and one short message.
 * Returns the rules found. Throws where a promise is broken.
 */
export async function probe(path: string, deep: boolean): Promise<string[]> {
  const rules = new Set<string>()
  const opened = await openPath(path)
  const checkpoints = isRun(opened) ? opened.checkpoints.map((each) => each.path) : [opened]
  for (const each of checkpoints) {
    const checkpoint = typeof each === 'string' ? await openCheckpoint(each) : each
    try {
      for (const { rule } of await lookAt(checkpoint, deep)) rules.add(rule)
    } finally {
      checkpoint.close()
    }
  }
  for (const { verdict, error } of (await scan([path])).files) {
    expect(error === undefined || error.length <= LONGEST_MESSAGE, `scan tells ${error?.length} characters of trouble`)
    expect(verdict !== 'safe' || error === undefined, `scan calls a file safe that it could not read: ${error}`)
  }
  expect(!existsSync(CANARY), `${CANARY} is there: something was executed`)
  return [...rules]
}

async function lookAt(checkpoint: Checkpoint, deep: boolean): Promise<readonly Finding[]> {
  for (const { value } of checkpoint.files) if (value !== undefined) plainOf(value)
  history(checkpoint)
  const verification = await verify(checkpoint, { kernel: referenceKernel, deep })
  checkFindings(verification.findings)
  expect(verification.resume.why.length > 0, `the verdict ${verification.verdict} has no reason`)
  await planRepair(checkpoint, verification, {})
  return verification.findings
}

function checkFindings(findings: readonly Finding[]): void {
  expect(findings.length <= MOST_FINDINGS, `${findings.length} findings`)
  for (const { rule, subject, message, evidence } of findings) {
    expect(rule in RULES, `unknown rule ${rule}`)
    expect(typeof subject === 'string', `${rule} has no subject`)
    expect(message.length > 0 && message.length <= LONGEST_MESSAGE, `${rule} tells ${message.length} characters`)
    const length = JSON.stringify(evidence ?? {}).length
    expect(length <= LARGEST_EVIDENCE, `${rule} has evidence of ${length} characters`)
  }
}

/** The same through the engine, whose answers have to fit the contract's schemas. */
export async function probeEngine(path: string): Promise<void> {
  const { client, close } = localEngine()
  try {
    const opened = await client.open({ path })
    await client.scan({ paths: [path] })
    if (opened.kind === 'run') return
    const { id } = opened
    await client.state({ id })
    await client.history({ id })
    for await (const _ of await client.repairPlan({ id }));
    const { rows } = await client.tensors({ id, offset: 0, limit: 1000 })
    const indices = rows.slice(0, LOOKED_AT).map(({ index }) => index)
    for await (const _ of await client.statistics({ id, indices }));
    for await (const _ of await client.digests({ id, indices }));
    for (const index of indices) await client.tensor({ id, index }).catch(codedOnly)
  } finally {
    close()
  }
}

/** Values that are not there are an error with a code. */
function codedOnly(error: unknown): void {
  const { data } = error as { data?: { code?: unknown } }
  if (typeof data?.code !== 'string' || !(data.code in RULES)) throw error
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
