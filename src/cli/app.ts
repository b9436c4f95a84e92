import { main } from './main'
import { STATUS } from './status'

/** What a cancelled command has begun to write is removed in this many milliseconds, unless the disk hangs. */
const CLEANED_UP = 10_000

const interrupt = new AbortController()
let interrupted: number | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupt.abort()
    interrupted ??= performance.now()
    // Leaving sooner would leave behind what was begun; the next run for the same target would clear it away.
    if (performance.now() - interrupted > CLEANED_UP) process.exit(STATUS.interrupted)
  })
}

// A reader that has seen enough (`assay show … | head`) closes the pipe: not an error, and nobody is left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  folder: process.cwd(),
  signal: interrupt.signal,
}).then((status) => {
  process.exitCode = status
})
