import type { Run } from '../../core/checkpoint/checkpoint'
import { listRun } from '../../core/checkpoint/open'
import { AssayError } from '../../core/errors'
import { factsOf } from '../../core/run/facts'
import { type RunRow, rowsOf } from '../../core/run/row'
import { procedures } from '../base'
import { type Choices, choicesOf } from '../choices'
import type { Engine } from '../engine'
import { stream } from '../jobs'
import { withReference } from '../reference'
import { wireFacts, wireRow } from '../wire/run'

const run = procedures.run.handler(({ input, context: { engine }, signal }) =>
  stream(signal, async function* (abort) {
    const found = listRun(input.path)
    if (!found) throw new AssayError('not-a-run', `${input.path} is no run of checkpoints`, { file: input.path })
    const { path: root, name, checkpoints } = found
    yield { type: 'listed' as const, path: root, name, checkpoints: checkpoints.map((each) => ({ ...each })) }
    // What people look at first is read first.
    const newestFirst = { ...found, checkpoints: checkpoints.toReversed() }
    const rows: RunRow[] = []
    for await (const row of rowsOf(newestFirst, { ...choicesOf(input), kernel: engine.kernel, signal: abort })) {
      rows.push(row)
      yield { type: 'row' as const, row: wireRow(row) }
    }
    yield { type: 'result' as const, result: wireFacts(await factsOf(found, rows.reverse())) }
  }),
)

export const runs = { run }

/** A run with every checkpoint looked at and closed again. */
export async function openedRun(found: Run, engine: Engine, choices: Choices) {
  const rows: RunRow[] = []
  await withReference(choices.reference, async (known) => {
    const options = { ...choicesOf(choices), kernel: engine.kernel, ...known }
    for await (const row of rowsOf(found, options)) rows.push(row)
  })
  const facts = wireFacts(await factsOf(found, rows))
  return { kind: 'run' as const, path: found.path, name: found.name, checkpoints: rows.map(wireRow), ...facts }
}
