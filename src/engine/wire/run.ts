import type { RunFacts, RunRow } from '../../contract/schemas'
import type * as core from '../../core/run/facts'
import type * as rows from '../../core/run/row'
import { jsonNumber } from './json'
import { wireVerification } from './state'

export function wireRow(row: rows.RunRow): RunRow {
  const { path, name, step, modified, bytes, loss, missing, verification } = row
  return {
    path,
    name,
    ...(step !== undefined && { step }),
    modified,
    bytes,
    loss: loss ? { step: loss.step, value: jsonNumber(loss.value) } : null,
    missing: [...missing],
    verification: wireVerification(row, verification),
  }
}

export function wireFacts(facts: core.RunFacts): RunFacts {
  const { gaps, overlaps, halfWritten, rotation, trainerPick } = facts
  return {
    ...facts,
    gaps: gaps.map((gap) => ({ ...gap })),
    overlaps: overlaps.map((overlap) => ({ ...overlap })),
    halfWritten: halfWritten.map((one) => ({ ...one })),
    rotation: rotation && { ...rotation, removes: [...rotation.removes] },
    trainerPick: trainerPick && { ...trainerPick },
  }
}
