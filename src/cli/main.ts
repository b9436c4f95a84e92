import { CommanderError } from 'commander'
import { complain, describe, isCancel, tellCancelled } from './complaint'
import type { Io } from './io'
import { program } from './program'
import { STATUS, type Status } from './status'
import { jsonText } from './text/safe'

/** Runs the command line `argv` (without the interpreter and the script). Throws nothing: what goes wrong is told and counted. */
export async function main(argv: readonly string[], io: Io): Promise<Status> {
  let status: Status = STATUS.good
  const commands = program(io, (result) => {
    status = result
  })
  try {
    await commands.parseAsync(argv, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return STATUS.good
    if (io.signal?.aborted && isCancel(error)) {
      tellCancelled(argv, io)
      return STATUS.interrupted
    }
    // Commander has told usage errors already.
    if (!(error instanceof CommanderError)) complain(error, io)
    if (asksForJson(argv)) io.stdout.write(jsonText({ error: describe(error) }, io.stdout.isTTY === true))
    return io.signal?.aborted ? STATUS.interrupted : STATUS.trouble
  }
}

function asksForJson(argv: readonly string[]): boolean {
  return argv.includes('--json') || /(^| )--format[ =]json( |$)/.test(argv.join(' '))
}
