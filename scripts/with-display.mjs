/**
 * Runs a command that opens windows: on the display there is, else on an X server of its own through xvfb-run. Where neither
 * is to be had it says so and the command is not run, which in CI is a failure and never a silent pass.
 */
import { spawnSync } from 'node:child_process'

const [command, ...rest] = process.argv.slice(2)
const hasDisplay = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY
const hasServer = !hasDisplay && spawnSync('xvfb-run', ['--help'], { stdio: 'ignore' }).status === 0

if (!hasDisplay && !hasServer) {
  console.error(
    `NOT RUN: ${[command, ...rest].join(' ')}\nIt needs a display. Install xvfb (apt-get install xvfb xauth) or set DISPLAY.`,
  )
  process.exit(process.env.CI ? 1 : 0)
}

const words = [command, ...rest]
const [program, ...args] = hasDisplay ? words : ['xvfb-run', '-a', '-s', '-screen 0 1600x1000x24', ...words]
const { status, error } = spawnSync(program, args, { stdio: 'inherit', shell: process.platform === 'win32' })
if (error) console.error(error.message)
process.exit(status ?? 1)
