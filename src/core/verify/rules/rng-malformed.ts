import { finding } from '../../finding'
import type { Rule } from '../rule'
import { list } from '../text'

/** Random states that the library they are for would refuse. Most loops log that in one line and go on. */
export const rngMalformed: Rule = {
  ids: ['rng/malformed'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { file, malformed, generators } of checkpoint.state.rng) {
      if (malformed !== undefined)
        yield finding('rng/malformed', file, `A random state in ${file} would not load: ${malformed}`)
      const lacking = checkpoint.layout === 'trainer' ? OF_TRAINER.filter((each) => !generators.includes(each)) : []
      if (lacking.length > 0)
        yield finding('rng/malformed', file, `${file} lacks the state of ${list(lacking)}, which the Trainer asks for`)
    }
  },
}

/** What the Trainer reads without asking whether it is there (transformers 5.18, trainer.py, _load_rng_state). */
const OF_TRAINER = ['python', 'numpy', 'torch']
