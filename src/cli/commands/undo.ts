import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonText, safe } from '../text/safe'

export async function undo(path: string, { json }: { readonly json?: true }, io: Io): Promise<Status> {
  return withSession(io, async ({ client, absolute }) => {
    const result = await client.undoRepair({ path: absolute(path) }, { ...(io.signal && { signal: io.signal }) })
    if (json) io.stdout.write(jsonText(result, io.stdout.isTTY === true))
    else {
      const { green, dim } = colors(io)
      const lines = [
        ...result.restored.map((file) => `  ${green('restored')}  ${safe(file)}\n`),
        ...result.removed.map((file) => `  ${dim('removed')}   ${safe(file)}\n`),
      ]
      io.stdout.write(`${lines.join('')}${safe(result.path)} is as it was before the repair.\n`)
    }
    return STATUS.good
  })
}
