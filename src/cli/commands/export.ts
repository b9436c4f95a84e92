import type { ExportOptions, ExportPlan, ExportResult } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonText, safe } from '../text/safe'
import { bytesText, plural } from '../text/units'

interface Options extends Omit<ExportOptions, 'base'> {
  readonly out: string
  readonly mergeInto?: string
  readonly dryRun?: true
  readonly json?: true
}

export async function exportTo(path: string, given: Options, io: Io): Promise<Status> {
  const { out, json, dryRun, mergeInto, ...rest } = given
  return withSession(io, async ({ client, checkpoint, finish, absolute }) => {
    const { id } = await checkpoint(path)
    const call = { ...(io.signal && { signal: io.signal }) }
    const options = { ...rest, ...(mergeInto !== undefined && { base: absolute(mergeInto) }) }
    const input = { id, out: absolute(out), options }
    const written = (value: object, text: string) =>
      io.stdout.write(json ? jsonText(value, io.stdout.isTTY === true) : text)
    if (dryRun) {
      const plan = await finish(client.exportPlan(input, call))
      written(plan, planText(plan, io))
    } else {
      const result = await finish(client.export(input, call))
      written(result, resultText(result, io))
    }
    return STATUS.good
  })
}

function resultText({ out, tensors, bytes, ...facts }: ExportResult, io: Io): string {
  return `${colors(io).bold(safe(out))}  ${plural(tensors, 'tensor')}, ${bytesText(bytes)}\n${factsText(facts, io)}`
}

function planText({ format, tensors, ...facts }: ExportPlan, io: Io): string {
  const { bold, dim } = colors(io)
  const changed = tensors.flatMap(({ name, was, dtype, wasDtype, merged }) => {
    if (was === undefined && wasDtype === undefined && !merged) return []
    const to = was === undefined ? safe(name) : `${safe(was)} → ${safe(name)}`
    return `  ${to}${wasDtype === undefined ? '' : `  ${wasDtype} → ${dtype}`}${merged ? '  with the adapter' : ''}\n`
  })
  const head = `${bold(plural(tensors.length, 'tensor'))} as ${format}, ${changed.length} of them changed\n`
  return `${head}${changed.join('')}${factsText(facts, io)}${dim('Nothing was written (--dry-run).\n')}`
}

function factsText(
  { files, left, dropped, warnings, masters }: Omit<ExportResult, 'out' | 'tensors' | 'bytes'>,
  io: Io,
): string {
  const { dim, yellow } = colors(io)
  const told = (word: string, list: typeof left) =>
    list.map(({ name, why }) => `  ${yellow(word)}  ${safe(name)}: ${safe(why)}\n`).join('')
  const written = files.map((file) => dim(`  ${safe(file.path)}  ${bytesText(file.bytes)}\n`)).join('')
  const gone = dropped.map((name) => `  ${dim('dropped')}  ${safe(name)}\n`).join('')
  return written + gone + told('left out', left) + told('warning', warnings) + mastersText(masters)
}

/** What the optimizer keeps more exactly. */
function mastersText(masters: ExportResult['masters']): string {
  if (!masters) return ''
  const { count, file, dtype, written } = masters
  const kept = `${plural(count, 'weight')} ${count === 1 ? 'is' : 'are'} kept as ${dtype} in ${safe(file)}`
  return written
    ? `  ${kept}: these are written\n`
    : `  ${kept}; written are those rounded from them. --masters writes the masters\n`
}
