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

const [heard, times, work] = [[], [], []]
for (let i = 0; i < TIMES; i++) {
  // of files that have not changed the app knows what it has compared
  utimesSync(at('b.safetensors'), i, i)
  await page.getByTestId('compare-run').click()
  await page.waitForFunction(
    () => Number(document.querySelector('[role=progressbar]')?.ariaValueNow) > 3 + Math.random() * 30,
  )
  const watched = watch(engine)
  const pressed = Date.now()
  const clicked = await page.getByTestId('job-cancel').evaluate((button) => {
    const now = Date.now()
    button.click()
    return now
  })
  const { last, after } = await watched(clicked)
  heard.push(clicked - pressed)
  times.push(Math.max(0, last - clicked))
  work.push(after)
}
await electron.close()
tell('From the press to the window hearing of it, which a loaded machine delays', heard)
tell('Last work of the engine after that', times)
tell('Its processor time after that', work)

function tell(what, ms) {
  const sorted = ms.toSorted((a, b) => a - b)
  const [median, most] = [sorted[TIMES / 2], sorted[Math.floor(TIMES * 0.95) - 1]]
  console.log(`${what} (ms): ${sorted.map((each) => each.toFixed(0)).join(' ')}`)
  console.log(`  median ${median.toFixed(0)}, 19 of 20 within ${most.toFixed(0)}`)
}

/**
 * Samples how much a process works, from now on. What is returned waits until it has been quiet for a while, and tells when, by the
 * clock, it worked last, and for how long (processor time) since `from`.
 */
function watch(pid) {
  const samples = [{ at: Date.now(), worked: worked(pid) }]
  const isWork = (sample, i) => {
    const before = samples[i - 1]
    return before !== undefined && sample.worked - before.worked > IDLE * (sample.at - before.at)
  }
  let watching = true
  const done = (async () => {
    while (watching) {
      await new Promise((next) => setTimeout(next, 2))
      const at = Date.now()
      // two samples of one millisecond tell nothing
      if (at > samples.at(-1).at) samples.push({ at, worked: worked(pid) })
    }
  })()
  return async (from) => {
    const lastWork = () => samples.findLast(isWork)?.at ?? from
    while (Date.now() - Math.max(from, lastWork()) < QUIET_MS) await new Promise((next) => setTimeout(next, 10))
    watching = false
    await done
    const atFrom = samples.findLast(({ at }) => at <= from) ?? samples[0]
    return { last: lastWork(), after: samples.at(-1).worked - atFrom.worked }
  }
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
