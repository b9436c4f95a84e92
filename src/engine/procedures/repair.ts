import { openCheckpoint } from '../../core/checkpoint/open'
import { applyRepair } from '../../core/repair/apply'
import { exportWeights } from '../../core/repair/export'
import { planRepair } from '../../core/repair/plan'
import type { RepairPlan } from '../../core/repair/steps'
import { procedures } from '../base'
import type { Held } from '../engine'
import { job } from '../jobs'
import { wireExport, wirePlan, wireResult } from '../wire/repair'

interface Help {
  readonly reference?: string | undefined
  readonly shapes?: Record<string, number[]> | undefined
}

const repairPlan = procedures.repairPlan.handler(({ input, context: { engine }, signal }) =>
  planned(engine.get(input.id), input, signal, async (plan) => wirePlan(plan)),
)

const repair = procedures.repair.handler(({ input, context: { engine }, signal }) => {
  const held = engine.get(input.id)
  const { out, inPlace, refused } = input
  return job(signal, (onProgress, abort) =>
    planned(held, input, abort, async (plan) =>
      wireResult(
        await applyRepair(held.checkpoint, plan, {
          ...(out !== undefined && { out }),
          ...(inPlace && { inPlace }),
          ...(refused && { refused }),
          kernel: engine.kernel,
          signal: abort,
          onProgress,
        }),
      ),
    ),
  )
})

const exportTo = procedures.export.handler(({ input: { id, out, options }, context: { engine }, signal }) => {
  const { checkpoint } = engine.get(id)
  const { format, dtype, maxShardSize, partial } = options
  return job(signal, async (onProgress, abort) =>
    wireExport(
      await exportWeights(checkpoint, out, {
        format,
        ...(dtype && { dtype }),
        ...(maxShardSize !== undefined && { maxShardSize }),
        ...(partial && { partial }),
        signal: abort,
        onProgress,
      }),
    ),
  )
})

export const repairs = { repairPlan, repair, export: exportTo }

/** Makes the plan and uses it while what it refers to is open. */
async function planned<Result>(
  { checkpoint, verification }: Held,
  { reference: path, shapes }: Help,
  signal: AbortSignal | undefined,
  use: (plan: RepairPlan) => Promise<Result>,
): Promise<Result> {
  const reference = path === undefined ? undefined : await openCheckpoint(path)
  try {
    const options = { ...(reference && { reference }), ...(shapes && { shapes }), ...(signal && { signal }) }
    return await use(await planRepair(checkpoint, verification, options))
  } finally {
    reference?.close()
  }
}
