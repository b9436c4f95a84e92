import type { RuleChoices } from '../../contract/schemas'
import { UsageError } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { checkRules, settingsBeside } from '../settings'
import { STATUS, type Status } from '../status'
import { checkpointText } from '../text/report'
import { jsonText, safe } from '../text/safe'

interface WatchOptions {
  readonly deep?: true
  readonly strict?: true
  readonly reference?: string
  readonly json?: true
  readonly format?: string
  readonly rule?: RuleChoices
  readonly quiet?: number
}

/**
 * Verifies each checkpoint that a training writes into a folder, when it is complete, until it is interrupted. As JSON a
 * document a line. The status tells whether all that came could be resumed from exactly.
 */
export async function watch(path: string, options: WatchOptions, io: Io): Promise<Status> {
  const json = options.json === true || options.format === 'json'
  if (!json && options.format !== undefined && options.format !== 'text') {
    throw new UsageError(`--watch tells what it finds as text or as json, not as ${options.format}`)
  }
  return withSession(io, async ({ client, absolute }) => {
    const folder = absolute(path)
    const settings = await settingsBeside(folder)
    const rules = { ...settings.rules, ...options.rule }
    checkRules(rules, new Map((await client.rules()).map((rule) => [rule.id, rule])))
    const strict = options.strict || settings.strict
    const how = {
      rules,
      ...(strict && { strict }),
      ...(options.deep && { deep: true }),
      ...(options.reference !== undefined && { reference: absolute(options.reference) }),
    }
    let status: Status = STATUS.good
    io.stderr.write(`Watching ${safe(folder)}; interrupt to end.\n`)
    const wait = options.quiet === undefined ? {} : { quiet: options.quiet }
    const call = io.signal ? { signal: io.signal } : {}
    for await (const event of await client.watch({ path: folder, ...wait, ...how }, call)) {
      const { verification } = event
      if (verification?.verdict !== 'complete') status = STATUS.findings
      if (json) io.stdout.write(jsonText(verification ?? event, false))
      else if (verification) io.stdout.write(`${checkpointText(verification, io)}\n`)
      else io.stderr.write(`${safe(event.path)}: ${safe(event.error ?? '')}\n`)
    }
    return status
  })
}
