import type { ExportPlan, ExportResult, PlanStep, RepairPlan, RepairResult } from '../../contract/schemas'
import type * as apply from '../../core/repair/apply'
import type * as core from '../../core/repair/export'
import type * as steps from '../../core/repair/steps'

export function wirePlan({ plan, unmended, verdictBefore, files, worldSize }: steps.RepairPlan): RepairPlan {
  const wanted = worldSize === undefined ? {} : { worldSize }
  return { plan: plan.map(wireStep), unmended: [...unmended], verdictBefore, files: [...files], ...wanted }
}

export function wireResult(result: apply.RepairResult): RepairResult {
  return { ...result, plan: result.plan.map(wireStep), unmended: [...result.unmended] }
}

export function wireExport({ out, tensors, bytes, ...facts }: core.ExportResult): ExportResult {
  return { out, tensors, bytes, ...facts }
}

export function wireExportPlan({ tensors, ...facts }: core.ExportPlan): ExportPlan {
  return { ...facts, tensors: tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })) }
}

/** What a person reads of a step; the tensors it is about stay here. */
function wireStep({
  step,
  kind,
  subject,
  action,
  evidence,
  confidence,
  before,
  after,
  lost,
  choices,
  chosen,
}: steps.RepairStep): PlanStep {
  const change = { ...(before !== undefined && { before }), ...(after !== undefined && { after }) }
  const told = {
    ...(lost && { lost: [...lost] }),
    ...(choices && { choices: choices.map(wireChoice) }),
    ...(chosen !== undefined && { chosen }),
  }
  return { step, kind, subject, action, evidence, confidence, ...change, ...told }
}

function wireChoice({ id, action, evidence, after }: steps.Choice) {
  return { id, action, evidence, ...(after !== undefined && { after }) }
}
