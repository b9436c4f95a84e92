import type { ExportOptions, ExportResult } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonText, safe } from '../text/safe'
import { bytesText, plural } from '../text/units'

type Options = ExportOptions & { readonly out: string; readonly json?: true }

export async function exportTo(path: string, { out, json, ...options }: Options, io: Io): Promise<Status> {
  return withSession(io, async ({ client, checkpoint, finish, absolute }) => {
    const { id } = await checkpoint(path)
    const call = { ...(io.signal && { signal: io.signal }) }
    const result = await finish(client.export({ id, out: absolute(out), options }, call))
    io.stdout.write(json ? jsonText(result, io.stdout.isTTY === true) : text(result, io))
    return STATUS.good
  })
}

function text({ out, files, tensors, bytes, left, warnings }: ExportResult, io: Io): string {
  const { bold, dim, yellow } = colors(io)
  const head = `${bold(safe(out))}  ${plural(tensors, 'tensor')}, ${bytesText(bytes)}\n`
  const written = files.map((file) => dim(`  ${safe(file.path)}  ${bytesText(file.bytes)}\n`)).join('')
  const told = (word: string, list: typeof left) =>
    list.map(({ name, why }) => `  ${yellow(word)}  ${safe(name)}: ${safe(why)}\n`).join('')
  return head + written + told('left out', left) + told('warning', warnings)
}
