import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { type RuleChoices, ruleChoices } from '../contract/schemas'
import { UsageError } from './complaint'

const NAME = '.assay.json'

const settings = z.strictObject({ rules: ruleChoices.optional(), strict: z.boolean().optional() })
type Settings = z.infer<typeof settings>

/**
 * What `.assay.json` says: in the folder itself, or in the one that holds it, so that one file serves all checkpoints of a
 * run. Empty where there is none. Throws UsageError where it cannot be understood.
 */
export function settingsBeside(path: string): Settings {
  const file = [path, dirname(path)].map((folder) => join(folder, NAME)).find((each) => existsSync(each))
  if (file === undefined) return {}
  let value: unknown
  try {
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

/** Throws UsageError for a rule that there is not: a misspelt one would go on finding what it should not. */
export function checkRules(choices: RuleChoices, known: ReadonlyMap<string, unknown>): void {
  const stranger = Object.keys(choices).find((id) => !known.has(id))
  if (stranger !== undefined) {
    throw new UsageError(`There is no rule ${stranger}`, 'assay verify --rules lists them all.')
  }
}
