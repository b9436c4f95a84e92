import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RuleChoices } from '../contract/schemas'
import { UsageError } from './complaint'
import type { Settings } from './settings-file'

const NAME = '.assay.json'

/**
 * What `.assay.json` says: in the folder itself, or in the one that holds it, so that one file serves all checkpoints of a
 * run. Empty where there is none. Throws UsageError where it cannot be understood.
 */
export async function settingsBeside(path: string): Promise<Settings> {
  const file = [path, dirname(path)].map((folder) => join(folder, NAME)).find((each) => existsSync(each))
  return file === undefined ? {} : (await import('./settings-file')).settingsIn(file)
}

/** Throws UsageError for a rule that there is not: a misspelt one would go on finding what it should not. */
export function checkRules(choices: RuleChoices, known: ReadonlyMap<string, unknown>): void {
  const stranger = Object.keys(choices).find((id) => !known.has(id))
  if (stranger !== undefined) {
    throw new UsageError(`There is no rule ${stranger}`, 'assay verify --rules lists them all.')
  }
}
