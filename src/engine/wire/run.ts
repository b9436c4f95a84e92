import type { RunFacts, RunRow } from '../../contract/schemas'
import type * as core from '../../core/run/facts'
import type * as rows from '../../core/run/row'
import { jsonNumber } from './json'
import { wireFinding, wireVerification } from './state'

export function wireRow(row: rows.RunRow): RunRow {
  const { path, name, step, run, modified, bytes, loss, missing, verification } = row
  return {
    path,
    name,
    ...(step !== undefined && { step }),
    ...(run !== undefined && { run }),
    modified,
    bytes,
    loss: loss ? { step: loss.step, value: jsonNumber(loss.value) } : null,
    missing: [...missing],
    verification: wireVerification(row, verification),
  }
}

export function wireFacts(facts: core.RunFacts): RunFacts {
  const { gaps, overlaps, halfWritten, rotation, trainerPick, findings, runs, ...rest } = facts
  return {
    ...rest,
    gaps: gaps.map((gap) => ({ ...gap })),
    overlaps: overlaps.map((overlap) => ({ ...overlap })),
    halfWritten: halfWritten.map((one) => ({ ...one })),
    rotation: rotation && { ...rotation, removes: [...rotation.removes] },
    trainerPick: trainerPick && { ...trainerPick },
    findings: findings.map(wireFinding),
    ...(runs && { runs: runs.map((one) => ({ ...one })) }),
  }
}
