import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'
import { list } from '../text'
import { trainerArguments } from '../trainer-arguments'

/** What `GradScaler.load_state_dict` takes out (torch/amp/grad_scaler.py, 2.13). One that was switched off saves an empty dict. */
const KEYS = ['scale', 'growth_factor', 'backoff_factor', 'growth_interval', '_growth_tracker']

/**
 * A grad scaler that would not load, or from which no step could ever be taken: the loss is multiplied with its scale, and a
 * scale of 0 or infinity stays what it is when it is halved, so that every step is skipped.
 */
export const scalerMalformed: Rule = {
  ids: ['scaler/malformed'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { file, component, value } of checkpoint.state.records) {
      const fields = fieldsOf(value)
      if (component !== 'scaler' || !isScaler(checkpoint, fields)) continue
      if (!fields) {
        yield malformed(file, `${file} is not what a grad scaler saves`, {})
      } else if (Object.keys(fields).length > 0) {
        yield* checked(file, fields)
      } else if (trainerArguments(checkpoint)?.fp16 === true) {
        const message = `${file} is empty, as a grad scaler leaves it that is switched off, and training_args.bin says fp16=True: loading it fails`
        yield malformed(file, message, { lacking: KEYS })
      }
    }
  },
}

type Fields = { readonly [key: string]: Plain }

/** Scripts call other things a scaler as well, such as what their data was divided by. */
function isScaler({ layout }: Checkpoint, fields: Fields | undefined): boolean {
  return (
    layout === 'trainer' ||
    layout === 'accelerate' ||
    ['growth_factor', 'backoff_factor'].some((key) => fields?.[key] !== undefined)
  )
}

function* checked(file: string, fields: Fields): Generator<Finding> {
  const lacking = KEYS.filter((key) => fields[key] === undefined)
  if (lacking.length > 0) {
    yield malformed(file, `The grad scaler in ${file} lacks ${list(lacking, KEYS.length)}: loading it fails`, {
      lacking,
    })
    return
  }
  const scale = numberOf(fields.scale) ?? 1
  const growth = numberOf(fields.growth_factor) ?? 2
  const backoff = numberOf(fields.backoff_factor) ?? 0.5
  if (!(scale > 0) || scale === Number.POSITIVE_INFINITY) {
    const message = `The scale of the grad scaler in ${file} is ${scale}: every step would be skipped, and the weights would stay what they are`
    yield malformed(file, message, { scale: String(scale) })
  } else if (!(growth > 1) || !(backoff > 0 && backoff < 1)) {
    const message = `The grad scaler in ${file} grows by ${growth} and backs off by ${backoff}; above 1 and between 0 and 1 are possible`
    yield malformed(file, message, { growth: String(growth), backoff: String(backoff) })
  }
}

function malformed(file: string, message: string, evidence: Record<string, unknown>): Finding {
  return finding('scaler/malformed', file, message, { evidence })
}
