import { diff } from '../../core/diff/diff'
import { procedures } from '../base'
import { globFilter } from '../glob'
import { job } from '../jobs'
import { wireDiff } from '../wire/diff'

const compare = procedures.diff.handler(({ input, context: { engine }, signal }) => {
  const a = engine.get(input.a).checkpoint
  const b = engine.get(input.b).checkpoint
  const filter = input.filter === undefined ? undefined : globFilter(input.filter)
  return job(signal, async (onProgress, abort) =>
    wireDiff(await diff(a, b, { kernel: engine.kernel, ...(filter && { filter }), signal: abort, onProgress })),
  )
})

export const comparison = { diff: compare }
