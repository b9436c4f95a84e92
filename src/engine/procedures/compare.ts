import { diff } from '../../core/diff/diff'
import { procedures } from '../base'
import { globFilter } from '../glob'
import { job } from '../jobs'
import { wireDiff } from '../wire/diff'

const compare = procedures.diff.handler(({ input, context: { engine }, signal }) => {
  const a = engine.get(input.a).checkpoint
  const b = engine.get(input.b).checkpoint
  const { atol = 0, rtol = 0 } = input
  const chosen = {
    kernel: engine.kernel,
    ...(input.filter !== undefined && { filter: globFilter(input.filter) }),
    ...(input.rename && { renames: new Map(Object.entries(input.rename)) }),
    ...((atol > 0 || rtol > 0) && { tolerance: { atol, rtol } }),
    ...(input.ulp && { ulp: true }),
  }
  return job(signal, async (onProgress, abort) => wireDiff(await diff(a, b, { ...chosen, signal: abort, onProgress })))
})

export const comparison = { diff: compare }
