// How soon a comparison that is cancelled in the window stops: 20 times, on two files of 1 GB. Build the app first.
import { readdirSync, readFileSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { _electron } from 'playwright-core'
import { safetensors, stepped, weights } from './files.mjs'
import { at } from './scratch.mjs'

const TIMES = 20
/** Less work than this in a sample is housekeeping: a worker at it uses all of the time there is. */
const IDLE = 0.2
const QUIET_MS = 300

const shapes = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`layers.${i}.weight`, [4096, 4096]]))
safetensors(at('a.safetensors'), shapes, weights(1))
safetensors(at('b.safetensors'), shapes, stepped(1))

const root = resolve(import.meta.dirname, '..')
const executablePath = createRequire(import.meta.url)('electron')
const args = ['--no-sandbox', `--user-data-dir=${at('profile')}`, root, at('a.safetensors')]
const electron = await _electron.launch({ executablePath, args })
const page = await electron.firstWindow()
await electron.evaluate(({ dialog }, path) => {
  dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [path], bookmarks: [] })
}, at('b.safetensors'))
await page.getByTestId('nav-compare').click()
await page.getByTestId('compare-choose').click()
await page.getByTestId('compare-file').click()
const engine = engineOf(electron.process().pid)

const [times, work] = [[], []]
for (let i = 0; i < TIMES; i++) {
  // of files that have not changed the app knows what it has compared
  utimesSync(at('b.safetensors'), i, i)
  await page.getByTestId('compare-run').click()
  await page.waitForFunction(
    () => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) > 3 + Math.random() * 30,
  )
  const [start, before] = [performance.now(), worked(engine)]
  await page.getByTestId('job-cancel').evaluate((button) => button.click())
  times.push(await settled(engine, start))
  work.push(worked(engine) - before)
}
await electron.close()
tell('Last work after Cancel', times)
tell('Processor time from Cancel on', work)

function tell(what, ms) {
  const sorted = ms.toSorted((a, b) => a - b)
  const [median, most] = [sorted[TIMES / 2], sorted[Math.floor(TIMES * 0.95) - 1]]
  console.log(`${what} (ms): ${sorted.map((each) => each.toFixed(0)).join(' ')}`)
  console.log(`  median ${median.toFixed(0)}, 19 of 20 within ${most.toFixed(0)}`)
}

/** Milliseconds from `start` to the last sample in which the process worked, once it has been quiet for a while. */
async function settled(pid, start) {
  let [before, then] = [worked(pid), performance.now()]
  let last = start
  while (performance.now() - last < QUIET_MS) {
    await new Promise((done) => setTimeout(done, 2))
    const [now, time] = [worked(pid), performance.now()]
    if (now - before > IDLE * (time - then)) last = time
    ;[before, then] = [now, time]
  }
  return last - start
}

/** Milliseconds that all threads of a process have run. */
function worked(pid) {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  }
  return sum
}

/** The utility process that the app runs its engine in. */
function engineOf(main) {
  const named = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isEngine(pid, main))
  if (named.length !== 1) throw new Error(`${named.length} engines`)
  return named[0]
}

function isEngine(pid, main) {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return command.includes('node.mojom.NodeService') && command.includes(at('profile')) && Number(pid) !== main
  } catch {
    return false
  }
}
