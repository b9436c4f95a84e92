import { parentOf, pathKind } from '../../core/bytes/folder'
import type { Checkpoint, Run } from '../../core/checkpoint/checkpoint'
import { isRun, openPath } from '../../core/checkpoint/open'
import { checkpointsBelow, runAt, runsOf } from '../../core/checkpoint/run'
import { AssayError } from '../../core/errors'
import { RULES } from '../../core/finding'
import { canUndo } from '../../core/repair/undo'
import { runHistory } from '../../core/run/history'
import { checkpointHistory } from '../../core/run/own-logs'
import { scan } from '../../core/verify/scan'
import { type Verification, verify } from '../../core/verify/verify'
import { procedures } from '../base'
import { type Choices, choicesOf } from '../choices'
import type { Engine } from '../engine'
import { job } from '../jobs'
import { withReference } from '../reference'
import { wireHistory, wireScan, wireState, wireVerification } from '../wire/state'
import { openedRun } from './run'

const open = procedures.open.handler(async ({ input, context: { engine } }) => {
  const subject = await openPath(input.path)
  return isRun(subject) ? openedRun(subject, engine, input) : openedCheckpoint(subject, engine, input)
})

const verifyDeep = procedures.verifyDeep.handler(({ input, context: { engine }, signal }) => {
  const { checkpoint } = engine.get(input.id)
  return job(signal, async (onProgress, abort) => {
    const reading = { deep: true, kernel: engine.kernel, signal: abort, onProgress, ...choicesOf(input) }
    const verification = await withReference(input.reference, (known) => verify(checkpoint, { ...reading, ...known }))
    engine.learn(input.id, verification)
    return wireVerification(checkpoint, verification)
  })
})

const state = procedures.state.handler(({ input, context: { engine } }) => wireState(engine.get(input.id).checkpoint))

const history = procedures.history.handler(async ({ input, context: { engine } }) =>
  wireHistory(await checkpointHistory(engine.get(input.id).checkpoint)),
)

const histories = procedures.histories.handler(async ({ input, signal }) => {
  const subject = await openPath(input.path)
  if (!isRun(subject)) {
    subject.close()
    const { path, name } = subject
    return { runs: [{ path, name, ...wireHistory(await checkpointHistory(subject)) }] }
  }
  const runs = []
  for (const run of runsOf(subject)) {
    runs.push({ path: run.path, name: run.name, ...wireHistory(await runHistory(run, signal)) })
  }
  return { runs }
})

const rules = procedures.rules.handler(() => Object.entries(RULES).map(([id, text]) => ({ id, ...text })))

const scanPaths = procedures.scan.handler(async ({ input }) => wireScan(await scan(input.paths)))

export const checkpoints = { open, verifyDeep, state, history, histories, rules, scan: scanPaths }

async function openedCheckpoint(checkpoint: Checkpoint, engine: Engine, choices: Choices) {
  const verification = await quick(checkpoint, engine, choices)
  const { id } = engine.hold(checkpoint, verification)
  return {
    kind: 'checkpoint' as const,
    id,
    path: checkpoint.path,
    name: checkpoint.name,
    layout: checkpoint.layout,
    layoutLabel: checkpoint.layoutLabel,
    verification: wireVerification(checkpoint, verification),
    files: checkpoint.files.map(({ path, size, kind, tensors }) => ({ path, size, kind, tensors: tensors.length })),
    tensorCount: checkpoint.tensors.length,
    siblings: siblingsOf(checkpoint),
    ...((await canUndo(checkpoint.path)) && { undoable: true as const }),
  }
}

/** The checkpoints of the run that this one lies in, or that lie below it, itself among them; none where it stands alone. */
function siblingsOf({ path, name }: Checkpoint): Run['checkpoints'][number][] {
  try {
    const below = pathKind(path) === 'folder' ? checkpointsBelow(path) : []
    if (below.length > 0) return [...below, { path, name }]
    const siblings = runAt(parentOf(path), 1)?.checkpoints ?? []
    return siblings.some((sibling) => sibling.path === path) ? [...siblings] : []
  } catch (error) {
    // A checkpoint may be read where its parent may not be listed.
    if (error instanceof AssayError) return []
    throw error
  }
}

function quick(checkpoint: Checkpoint, { kernel }: Engine, choices: Choices): Promise<Verification> {
  return withReference(choices.reference, (known) => verify(checkpoint, { kernel, ...choicesOf(choices), ...known }))
}
