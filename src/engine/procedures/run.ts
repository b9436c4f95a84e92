import type { Run } from '../../core/checkpoint/checkpoint'
import { listRun } from '../../core/checkpoint/open'
import { AssayError } from '../../core/errors'
import { RunReading } from '../../core/run/reading'
import type { RowOptions } from '../../core/run/row'
import { procedures } from '../base'
import { type Choices, choicesOf } from '../choices'
import type { Engine } from '../engine'
import { job, stream } from '../jobs'
import { withReference } from '../reference'
import { wireFacts, wireRow } from '../wire/run'
import { wireHistory } from '../wire/state'

const run = procedures.run.handler(({ input, context: { engine }, signal }) =>
  stream(signal, async function* (abort) {
    const found = runHere(input.path)
    const { path: root, name, checkpoints } = found
    yield { type: 'listed' as const, path: root, name, checkpoints: checkpoints.map((each) => ({ ...each })) }
    const reading = new RunReading(found, { ...choicesOf(input), kernel: engine.kernel, signal: abort })
    for await (const row of reading.rows()) yield { type: 'row' as const, row: wireRow(row) }
    const result = wireFacts(await reading.facts())
    yield { type: 'result' as const, result, history: wireHistory(await reading.history()) }
  }),
)

const verifyRun = procedures.verifyRun.handler(({ input, context: { engine }, signal }) =>
  job(signal, (onProgress, abort) =>
    openedRun(runHere(input.path), engine, input, { deep: true, signal: abort, onProgress }),
  ),
)

export const runs = { run, verifyRun }

/** A run with every checkpoint looked at and closed again. */
export function openedRun(
  found: Run,
  engine: Engine,
  choices: Choices,
  more: Pick<RowOptions, 'deep' | 'signal' | 'onProgress'> = {},
) {
  return withReference(choices.reference, async (known) => {
    const reading = new RunReading(found, { ...choicesOf(choices), kernel: engine.kernel, ...known, ...more })
    for await (const _ of reading.rows());
    const facts = wireFacts(await reading.facts())
    return {
      kind: 'run' as const,
      path: found.path,
      name: found.name,
      checkpoints: reading.ordered().map(wireRow),
      ...facts,
    }
  })
}

function runHere(path: string): Run {
  const found = listRun(path)
  if (found) return found
  throw new AssayError('not-a-run', `${path} is no run of checkpoints`, { file: path })
}
