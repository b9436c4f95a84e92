import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { UsageError } from '../complaint'
import type { Io } from '../io'
import { STATUS, type Status } from '../status'

const INSTALL =
  'Install it with `npm install electron`, or set ELECTRON_OVERRIDE_DIST_PATH to the folder of an Electron.'

/** Starts the window, or hands the path to the one that is open, and stays until it is closed. */
export async function open(path: string | undefined, io: Io): Promise<Status> {
  const target = path === undefined ? [] : [resolve(io.folder, path)]
  for (const place of target) {
    if (!existsSync(place))
      throw new UsageError(`There is no file or folder at ${place}`, '`assay --help` lists the commands.')
  }
  refuseWithoutDisplay(io)
  const root = join(__dirname, '../..')
  // Chromium refuses to run as root inside its sandbox.
  const switches = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const program = electronPath()
  const child = spawn(program, [...switches, root, ...target], { stdio: 'inherit' })
  io.signal?.addEventListener('abort', () => child.kill())
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', ({ message }) => fail(new UsageError(`${program} cannot be started (${message})`, INSTALL)))
    child.once('exit', done)
  })
  return code === 0 ? STATUS.good : STATUS.trouble
}

function refuseWithoutDisplay({ env }: Io): void {
  if (process.platform !== 'linux' || env.DISPLAY || env.WAYLAND_DISPLAY) return
  throw new UsageError(
    'There is no display to open a window on',
    'Use the commands (assay --help), a desktop session, `ssh -X`, or `xvfb-run -a assay open`.',
  )
}

/** The program of the installed `electron` package, which fetches it at the first call. */
function electronPath(): string {
  try {
    const path: unknown = createRequire(__filename)('electron')
    if (typeof path === 'string') return path
  } catch (error) {
    const reason = error instanceof Error ? ` (${error.message.split('\n')[0]})` : ''
    throw new UsageError(`The window needs Electron, which is not installed${reason}`, INSTALL)
  }
  throw new UsageError('The window is started from a terminal, not from inside Electron')
}
