import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { cacheFolder, keepCode, keptCode } from './code-cache'

/** The file beside this one that is the program, named after its content: a function, as Node makes of every module. */
declare const APP: string

/** Each command compiles other functions. */
const COMMANDS = ['verify', 'show', 'stats', 'diff', 'repair', 'export', 'history', 'scan']
/** Modules of Node that take milliseconds to load, and most commands have no use for. */
const LATE = ['node:child_process', 'node:crypto', 'node:fs/promises', 'node:worker_threads']

const words = process.argv.slice(2)
const command = COMMANDS.find((name) => name === words[0]) ?? 'open'
// Who only asks for help leaves next to nothing compiled.
const isHelp = words.some((word) => ['--help', '-h', '--version', '-V'].includes(word))
const folder = process.env.NODE_DISABLE_COMPILE_CACHE || isHelp ? undefined : cacheFolder(process.env)
const key = [APP, command, process.version, process.arch].join(' ')

const path = join(__dirname, APP)
const kept = folder && keptCode(join(folder, command), key)
const script = new Script(readFileSync(path, 'latin1'), { filename: path, ...(kept && { cachedData: kept.code }) })
if (folder && (!kept || kept.isOld || script.cachedDataRejected)) {
  process.once('exit', (status) => {
    if (status < 2) keepCode(join(folder, command), key, script.createCachedData())
  })
}
script.runInThisContext()(
  exports,
  (name: string) => (LATE.includes(name) ? late(name) : require(name)),
  module,
  path,
  __dirname,
)

/** A module that is loaded when something of it is first asked for. */
function late(name: string): unknown {
  return new Proxy({}, { get: (_, member) => Reflect.get(Object(require(name)), member) })
}
