import type { ExportPlan, ExportResult, PlanStep, RepairPlan, RepairResult, TensorChange } from '../../contract/schemas'
import { byteLength, storedBytes } from '../../core/checkpoint/tensor'
import type * as apply from '../../core/repair/apply'
import { type StepTensor, tensorsIn } from '../../core/repair/changes'
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
  about,
  ...does
}: steps.RepairStep): PlanStep {
  const change = { ...(before !== undefined && { before }), ...(after !== undefined && { after }) }
  const told = {
    ...(lost && { lost: [...lost] }),
    ...(choices && { choices: choices.map(wireChoice) }),
    ...(chosen !== undefined && { chosen }),
    ...(about && { about: [...about] }),
    ...tensorsOf(does),
  }
  return { step, kind, subject, action, evidence, confidence, ...change, ...told }
}

function wireChoice({ id, action, evidence, after }: steps.Choice) {
  return { id, action, evidence, ...(after !== undefined && { after }) }
}

/** So many tensors of one step cross over: nobody reads more of them. */
const MOST_TENSORS = 100

function tensorsOf(does: Pick<steps.RepairStep, 'changes' | 'additions'>): Pick<PlanStep, 'tensors' | 'tensorCount'> {
  const all = tensorsIn(does)
  if (all.length === 0) return {}
  return { tensors: all.slice(0, MOST_TENSORS).map(wireChange), tensorCount: all.length }
}

function wireChange({ file, was, values, ...now }: StepTensor): TensorChange {
  const from = values === was ? undefined : { file: values.file, name: values.name }
  return {
    file,
    ...(was && {
      before: { name: was.name, dtype: was.storedAs ?? was.dtype, shape: [...was.shape], bytes: storedBytes(was) },
    }),
    after: { name: now.name, dtype: now.dtype, shape: [...now.shape], bytes: byteLength(now) },
    ...(from && { from }),
  }
}
