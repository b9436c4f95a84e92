import type * as wire from '../../contract/schemas'
import type { Kernel } from '../../core/analysis/kernel'
import type { Checkpoint } from '../../core/checkpoint/checkpoint'
import { AssayError } from '../../core/errors'
import { applyRepair } from '../../core/repair/apply'
import { outputFor, tensorsIn } from '../../core/repair/changes'
import type { Decision } from '../../core/repair/decisions'
import { type ExportOptions, exportWeights, planExport } from '../../core/repair/export'
import { Neighbours } from '../../core/repair/neighbours'
import { planRepair } from '../../core/repair/plan'
import type { RepairPlan } from '../../core/repair/steps'
import { undoRepair } from '../../core/repair/undo'
import { verify } from '../../core/verify/verify'
import { type OutputTensor, outputOf } from '../../core/write/output'
import { procedures } from '../base'
import type { Held } from '../engine'
import { job } from '../jobs'
import { lookOf } from '../look'
import { withReference } from '../reference'
import { wireExport, wireExportPlan, wirePlan, wireResult } from '../wire/repair'

interface Help {
  readonly reference?: string | undefined
  readonly shapes?: readonly { readonly name: string; readonly shape: number[] }[] | undefined
  readonly plain?: boolean | undefined
  readonly decisions?: readonly Decision[] | undefined
  readonly worldSize?: number | undefined
}

const repairPlan = procedures.repairPlan.handler(({ input, context: { engine }, signal }) =>
  planned(engine.get(input.id), input, engine.kernel, signal, async (plan) => wirePlan(plan)),
)

const preview = procedures.repairPreview.handler(({ input, context: { engine }, signal }) =>
  planned(engine.get(input.id), input, engine.kernel, signal, async ({ plan }) => {
    const step = plan.find((each) => each.step === input.step)
    const tensor = step && tensorsIn(step)[input.tensor]
    if (!tensor) throw new AssayError('usage', `The plan has no tensor ${input.tensor} in a step ${input.step}`)
    const { was } = tensor
    const look = (output: OutputTensor) => lookOf(engine.kernel, { ...output, blocks: () => output.blocks(signal) })
    return {
      before: was && was.blocks.length > 0 ? await look(outputOf(was)) : null,
      after: tensor.values.blocks.length > 0 ? await look(outputFor(tensor)) : null,
    }
  }),
)

const repair = procedures.repair.handler(({ input, context: { engine }, signal }) => {
  const held = engine.get(input.id)
  const { out, inPlace, refused } = input
  return job(signal, (onProgress, abort) =>
    planned(held, input, engine.kernel, abort, async (plan) =>
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

const undo = procedures.undoRepair.handler(async ({ input: { path } }) => {
  const { restored, removed } = await undoRepair(path)
  return { path, restored: [...restored], removed: [...removed] }
})

const exportTo = procedures.export.handler(({ input: { id, out, options }, context: { engine }, signal }) =>
  job(signal, (onProgress, abort) =>
    exporting(engine.get(id).checkpoint, options, async (checkpoint, rest) =>
      wireExport(await exportWeights(checkpoint, out, { ...rest, signal: abort, onProgress })),
    ),
  ),
)

const exportPlan = procedures.exportPlan.handler(({ input: { id, out, options }, context: { engine }, signal }) =>
  job(signal, (onProgress, abort) =>
    exporting(engine.get(id).checkpoint, options, async (checkpoint, rest) =>
      wireExportPlan(await planExport(checkpoint, out, { ...rest, signal: abort, onProgress })),
    ),
  ),
)

export const repairs = { repairPlan, repairPreview: preview, repair, undoRepair: undo, export: exportTo, exportPlan }

/** Says what is exported, and how: the checkpoint itself, or the base that it is merged into as an adapter, open meanwhile. */
function exporting<Result>(
  checkpoint: Checkpoint,
  { base, format, dtype, maxShardSize, untie, tie, onlyAdapter, loraAlpha, partial, ...edits }: wire.ExportOptions,
  use: (checkpoint: Checkpoint, options: ExportOptions) => Promise<Result>,
): Promise<Result> {
  return withReference(base, ({ reference }) =>
    use(reference ?? checkpoint, {
      ...edits,
      ...(format && { format }),
      ...(dtype && { dtype }),
      ...(maxShardSize !== undefined && { maxShardSize }),
      ...(untie && { untie }),
      ...(tie && { tie }),
      ...(onlyAdapter && { onlyAdapter }),
      ...(loraAlpha !== undefined && { loraAlpha }),
      ...(partial && { partial }),
      ...(reference && { adapter: checkpoint }),
    }),
  )
}

/** Makes the plan and uses it while what it refers to is open. */
async function planned<Result>(
  { checkpoint, verification: known }: Held,
  { reference: path, shapes, plain, decisions, worldSize }: Help,
  kernel: Kernel,
  signal: AbortSignal | undefined,
  use: (plan: RepairPlan) => Promise<Result>,
): Promise<Result> {
  const neighbours = new Neighbours(checkpoint)
  try {
    return await withReference(path, async ({ reference }) => {
      const options = { ...(reference && { reference }), ...(signal && { signal }) }
      // A reference may show what names and shapes alone did not. What the values showed is not looked for again.
      const enough = known && (!reference || known.deep)
      const verification = enough ? known : await verify(checkpoint, { kernel, ...options })
      const asked = {
        ...(shapes && { shapes: new Map(shapes.map(({ name, shape }) => [name, shape])) }),
        ...(plain && { plain }),
        ...(decisions && { decisions }),
        ...(worldSize !== undefined && { worldSize }),
      }
      return use(await planRepair(checkpoint, verification, { ...options, neighbours, ...asked }))
    })
  } finally {
    await neighbours.close()
  }
}
