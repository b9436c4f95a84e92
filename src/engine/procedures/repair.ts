import { applyRepair } from '../../core/repair/apply'
import { exportWeights } from '../../core/repair/export'
import { planRepair } from '../../core/repair/plan'
import { procedures } from '../base'
import type { Engine } from '../engine'
import { job } from '../jobs'

interface Choices {
  readonly id: string
  readonly reference?: string | undefined
  readonly shapes?: Record<string, number[]> | undefined
}

const repairPlan = procedures.repairPlan.handler(({ input, context: { engine } }) => planOf(input, engine))

const repair = procedures.repair.handler(({ input, context: { engine }, signal }) => {
  const { checkpoint } = engine.get(input.id)
  return job(signal, async (onProgress, abort) =>
    applyRepair(checkpoint, await planOf(input, engine), {
      out: input.out,
      ...(input.refused && { refused: input.refused }),
      kernel: engine.kernel,
      signal: abort,
      onProgress,
    }),
  )
})

const exportTo = procedures.export.handler(({ input: { id, out, options }, context: { engine }, signal }) => {
  const { checkpoint } = engine.get(id)
  return job(signal, (onProgress, abort) => exportWeights(checkpoint, out, { ...options, signal: abort, onProgress }))
})

export const repairs = { repairPlan, repair, export: exportTo }

function planOf({ id, reference, shapes }: Choices, engine: Engine) {
  const { checkpoint, verification } = engine.get(id)
  return planRepair(checkpoint, verification, {
    ...(reference !== undefined && { reference: engine.get(reference).checkpoint }),
    ...(shapes && { shapes }),
  })
}
