/** `npm start [-- PATH]`: opens the window of the built app, on the bundled sample run when no path is given. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const fromRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const [path = fromRoot('resources/sample/tiny-gpt2')] = process.argv.slice(2)
const assay = spawn(process.execPath, [fromRoot('out/cli/assay.cjs'), 'open', path], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => assay.kill(signal))
assay.on('exit', (status) => process.exit(status ?? 1))
