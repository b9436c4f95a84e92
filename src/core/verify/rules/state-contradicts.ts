import type { StateRecord } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'
import { trainerArguments } from '../trainer-arguments'

/** Epochs by which the state and the log may differ: old versions logged two digits. */
const TOLERANCE = 0.02

/**
 * A trainer_state.json that contradicts itself: the Trainer writes counts, epoch and log in one go, so the file was edited, or
 * put together. That the log is empty takes nothing from a resume.
 */
export const stateContradicts: Rule = {
  ids: ['trainer/state-contradicts'],
  needs: 'structure',
  *check({ checkpoint }) {
    if (checkpoint.layout !== 'trainer') return
    for (const record of checkpoint.state.records) {
      const fields = fieldsOf(record.value)
      const log = fields?.log_history
      const step = numberOf(fields?.global_step)
      if (!fields || !Array.isArray(log) || step === undefined) continue
      yield* contradictions(record, fields, log, step)
      const often = numberOf(fields.logging_steps) ?? 0
      const byStep = trainerArguments(checkpoint)?.logging_strategy === 'steps'
      if (log.length === 0 && byStep && often >= 1 && step >= often) yield emptyLog(record.file, often)
    }
  },
}

function* contradictions(
  { file }: StateRecord,
  fields: { readonly [key: string]: Plain },
  log: readonly Plain[],
  step: number,
): Generator<Finding> {
  const tell = (what: string, evidence: Record<string, unknown>) =>
    finding('trainer/state-contradicts', file, `${file} ${what}`, { evidence: { step, ...evidence } })
  const most = numberOf(fields.max_steps) ?? 0
  if (most > 0 && most < step) yield tell(`says global_step ${step} of max_steps ${most}`, { maxSteps: most })
  const rows = log.flatMap((row) => {
    const at = numberOf(fieldsOf(row)?.step)
    return at === undefined ? [] : [{ step: at, epoch: numberOf(fieldsOf(row)?.epoch) }]
  })
  const last = rows.reduce((latest, row) => Math.max(latest, row.step), 0)
  if (last > step) yield tell(`says global_step ${step}, and its own log goes on to step ${last}`, { logged: last })
  const epoch = numberOf(fields.epoch)
  const here = rows.findLast((row) => row.step === step)?.epoch
  if (epoch !== undefined && here !== undefined && Math.abs(epoch - here) > TOLERANCE) {
    yield tell(`says epoch ${epoch}, its own log says ${here} at the same step ${step}`, { epoch, logged: here })
  }
}

function emptyLog(file: string, often: number): Finding {
  const message = `${file} has an empty log, although a row was to be written every ${often} steps: a resume does not need it`
  return finding('trainer/state-contradicts', file, message, { severity: 'info', evidence: { loggingSteps: often } })
}
