import { finding } from '../../finding'
import type { Rule } from '../rule'

/** Random states that the library they are for would refuse. Most loops log that in one line and go on. */
export const rngMalformed: Rule = {
  ids: ['rng/malformed'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { file, malformed } of checkpoint.state.rng) {
      if (malformed !== undefined)
        yield finding('rng/malformed', file, `A random state in ${file} would not load: ${malformed}`)
    }
  },
}
