import type { ScanReport } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonText, safe } from '../text/safe'

export async function scan(paths: readonly string[], { json }: { readonly json?: true }, io: Io): Promise<Status> {
  return withSession(io, async ({ client, absolute }) => {
    const report = await client.scan({ paths: paths.map(absolute) })
    io.stdout.write(json ? jsonText(report, io.stdout.isTTY === true) : text(report, io))
    if (report.files.some(({ verdict }) => verdict === 'dangerous')) return STATUS.findings
    return report.files.some(({ error }) => error !== undefined) ? STATUS.trouble : STATUS.good
  })
}

/** What is safe is not listed one by one: it would hide what is not. */
function text({ files }: ScanReport, io: Io): string {
  const { green, yellow, red, dim, bold } = colors(io)
  const paint = { safe: green, unknown: yellow, dangerous: red }
  if (files.length === 0) return dim('No pickles here.\n')
  return files
    .map(({ path, verdict, globals, error }) => {
      const named = globals.filter((one) => one.verdict !== 'safe')
      const lines = named.map((one) => `  ${paint[one.verdict](one.verdict)}  ${safe(`${one.module}.${one.name}`)}\n`)
      const rest = globals.length - named.length
      const harmless = rest > 0 ? dim(`  and ${rest} safe ${rest === 1 ? 'name' : 'names'}\n`) : ''
      const trouble = error === undefined ? '' : `  ${yellow('not looked into in full')}: ${safe(error)}\n`
      return `${paint[verdict](bold(verdict.padEnd(9)))}  ${safe(path)}\n${lines.join('')}${harmless}${trouble}`
    })
    .join('')
}
