import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { ruleChoices } from '../contract/schemas'
import { UsageError } from './complaint'

const settings = z.strictObject({ rules: ruleChoices.optional(), strict: z.boolean().optional() })
export type Settings = z.infer<typeof settings>

/** What a file of settings says. Throws UsageError where it cannot be understood. */
export function settingsIn(file: string): Settings {
  let value: unknown
  try {
    // A pipe that nobody writes to would be waited for.
    if (!statSync(file).isFile()) throw new Error('it is no file')
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const read = settings.safeParse(value)
  if (read.success) return read.data
  throw new UsageError(
    `${file}: ${z.prettifyError(read.error)}`,
    'Write it as {"rules": {"trainer/loss-jump": "off"}}.',
  )
}
