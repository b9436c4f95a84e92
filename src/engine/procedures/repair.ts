import type * as wire from '../../contract/schemas'
import type { Checkpoint } from '../../core/checkpoint/checkpoint'
import { byteLength } from '../../core/checkpoint/tensor'
import { AssayError } from '../../core/errors'
import { applyRepair } from '../../core/repair/apply'
import { outputFor, tensorsIn } from '../../core/repair/changes'
import type { Decision } from '../../core/repair/decisions'
import { type ExportOptions, exportWeights, planExport } from '../../core/repair/export'
import { Neighbours } from '../../core/repair/neighbours'
import { exportOffers } from '../../core/repair/offers'
import { planRepair } from '../../core/repair/plan'
import { Progress } from '../../core/repair/progress'
import type { RepairPlan } from '../../core/repair/steps'
import { undoRepair } from '../../core/repair/undo'
import { verify } from '../../core/verify/verify'
import { type OutputTensor, outputOf } from '../../core/write/output'
import { procedures } from '../base'
import type { Engine, Held } from '../engine'
import { job, type OnProgress } from '../jobs'
import { looksOf } from '../look'
import { withReference } from '../reference'
import { wireExport, wireExportPlan, wirePlan, wireResult } from '../wire/repair'

interface Help {
  readonly reference?: string | undefined
  readonly shapes?: readonly { readonly name: string; readonly shape: number[] }[] | undefined
  readonly plain?: boolean | undefined
  readonly decisions?: readonly Decision[] | undefined
  readonly worldSize?: number | undefined
}

const repairPlan = procedures.repairPlan.handler(({ input, context: { engine }, signal }) => {
  const held = engine.get(input.id)
  return job(signal, (onProgress, abort) =>
    planned(held, input, toolsOf(engine, abort, onProgress), async (plan) => wirePlan(plan)),
  )
})

const preview = procedures.repairPreview.handler(({ input, context: { engine }, signal }) => {
  const held = engine.get(input.id)
  const { kernel } = engine
  return job(signal, (onProgress, abort) =>
    planned(held, input, toolsOf(engine, abort, onProgress), async ({ plan }) => {
      const step = plan.find((each) => each.step === input.step)
      const tensor = step && tensorsIn(step)[input.tensor]
      if (!tensor) throw new AssayError('usage', `The plan has no tensor ${input.tensor} in a step ${input.step}`)
      const { was, values } = tensor
      const before = was && was.blocks.length > 0 ? outputOf(was) : null
      const after = values.blocks.length > 0 ? outputFor(tensor) : null
      const sides = [before, after].filter((side) => side !== null)
      const progress = new Progress(
        sides.reduce((sum, side) => sum + byteLength(side) * LOOKS, 0),
        onProgress,
      )
      const looks = await looksOf(
        kernel,
        sides.map((side) => ({ ...side, blocks: () => counted(side.blocks(abort), progress, side.name) })),
      )
      const lookAt = (side: OutputTensor | null) => (side && looks[sides.indexOf(side)]) ?? null
      return { before: lookAt(before), after: lookAt(after) }
    }),
  )
})

/** `looksOf` reads the values so many times. */
const LOOKS = 2

async function* counted(blocks: AsyncIterable<Uint8Array>, progress: Progress, label: string) {
  for await (const block of blocks) {
    yield block
    progress.add(block.length, label)
  }
}

const repair = procedures.repair.handler(({ input, context: { engine }, signal }) => {
  const held = engine.get(input.id)
  const { out, inPlace, refused } = input
  return job(signal, (onProgress, abort) =>
    planned(held, input, toolsOf(engine, abort, onProgress), async (plan) =>
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

const offers = procedures.exportOffers.handler(({ input: { id }, context: { engine } }) =>
  exportOffers(engine.get(id).checkpoint),
)

export const repairs = {
  repairPlan,
  repairPreview: preview,
  repair,
  undoRepair: undo,
  exportOffers: offers,
  export: exportTo,
  exportPlan,
}

/** Says what is exported, and how: the checkpoint itself, or the base that it is merged into as an adapter, open meanwhile. */
function exporting<Result>(
  checkpoint: Checkpoint,
  {
    base,
    format,
    dtype,
    maxShardSize,
    untie,
    tie,
    masters,
    onlyAdapter,
    loraAlpha,
    partial,
    ...edits
  }: wire.ExportOptions,
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
      ...(masters && { masters }),
      ...(onlyAdapter && { onlyAdapter }),
      ...(loraAlpha !== undefined && { loraAlpha }),
      ...(partial && { partial }),
      ...(reference && { adapter: checkpoint }),
    }),
  )
}

/** What a plan is made with. */
function toolsOf({ kernel, soundness }: Engine, signal: AbortSignal, onProgress: OnProgress) {
  return { kernel, soundness, signal, onProgress }
}

/** Makes the plan and uses it while what it refers to is open. */
async function planned<Result>(
  { checkpoint, verification: known }: Held,
  { reference: path, shapes, plain, decisions, worldSize }: Help,
  tools: ReturnType<typeof toolsOf>,
  use: (plan: RepairPlan) => Promise<Result>,
): Promise<Result> {
  const neighbours = new Neighbours(checkpoint)
  try {
    return await withReference(path, async ({ reference }) => {
      const options = { ...tools, ...(reference && { reference }) }
      // A reference may show what names and shapes alone did not. What the values showed is not looked for again.
      const enough = known && (!reference || known.deep)
      const verification = enough ? known : await verify(checkpoint, options)
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
