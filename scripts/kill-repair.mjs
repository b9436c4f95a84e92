/**
 * Kills a repair with SIGKILL at random moments and looks at what is left: `node scripts/kill-repair.mjs --times 200`.
 *
 * By turns a repair into a new folder and one in place, of three shards and their index that all change. After each: the
 * original must be there byte for byte, the target of --out absent or whole and verified, and a folder repaired in place whole,
 * old or new under each name, and the original again after `assay repair --undo`. The same repair must work afterwards.
 * Prints the figures; exits 1 at the first that is not so. Needs `npm run build`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { times: { type: 'string', default: '200' }, mib: { type: 'string', default: '24' } },
})
const times = Number(values.times)
const command = fileURLToPath(new URL('../out/cli/assay.cjs', import.meta.url))
const SHARDS = 3

const folder = mkdtempSync(join(tmpdir(), 'assay-kill-'))
try {
  const figures = await run()
  console.log(JSON.stringify(figures))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function run() {
  const source = join(folder, 'source')
  make(source, Number(values.mib))
  const before = digests(source)
  const [outTime, placeTime] = [time('--out'), time('--in-place')]
  const mended = whole(join(folder, 'timed-out'))
  const figures = {
    kills: 0,
    ended: 0,
    targets: { absent: 0, whole: 0 },
    inPlace: { untouched: 0, partway: 0, whole: 0 },
  }
  for (let i = 0; figures.kills < times; i++) {
    const inPlace = i % 2 === 1
    const path = inPlace ? copy(source, `place-${i}`) : source
    const out = join(folder, `out-${i}`)
    const args = ['repair', path, ...(inPlace ? ['--in-place'] : ['--out', out])]
    const after = Math.random() * (inPlace ? placeTime : outTime)
    // Half of them at any moment, half in the short while in which names change.
    const killed = await (i % 4 < 2
      ? kill(args, after)
      : killAtNames(args, inPlace ? path : folder, inPlace ? /backup$/ : /^out-/))
    figures[killed ? 'kills' : 'ended']++
    if (inPlace) figures.inPlace[checkInPlace(path, before, mended)]++
    else figures.targets[checkOut(out, before, source, mended)]++
    rmSync(out, { recursive: true, force: true })
    if (inPlace) rmSync(path, { recursive: true, force: true })
  }
  return figures
}

/** A model under `_orig_mod.`, in shards with an index. */
function make(path, mib) {
  mkdirSync(path)
  const map = {}
  for (let i = 1; i <= SHARDS; i++) {
    const file = `model-0000${i}-of-0000${SHARDS}.safetensors`
    const data = Buffer.alloc(mib << 20)
    // Bytes of which no float is NaN: a quarter of them random, so that every shard is another.
    randomFillSync(data.subarray(0, data.length >> 2))
    for (let at = 3; at < data.length >> 2; at += 4) data[at] = 0x3d
    const name = `_orig_mod.model.layers.${i - 1}.mlp.up_proj.weight`
    map[name] = file
    const header = JSON.stringify({
      __metadata__: { format: 'pt' },
      [name]: { dtype: 'F32', shape: [data.length / 4096, 1024], data_offsets: [0, data.length] },
    })
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(padded.length))
    writeFileSync(join(path, file), Buffer.concat([length, Buffer.from(padded), data]))
  }
  const index = { metadata: { total_size: (mib << 20) * SHARDS }, weight_map: map }
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify(index, null, 2))
  writeFileSync(join(path, 'config.json'), '{"model_type": "none"}')
}

/** Milliseconds that a whole repair takes; its result stays for comparison. */
function time(how) {
  const source = join(folder, 'source')
  const path = how === '--out' ? source : copy(source, 'timed')
  const start = performance.now()
  const { status, stderr } = assay(['repair', path, ...(how === '--out' ? [how, join(folder, 'timed-out')] : [how])])
  if (status !== 0) fail(`the repair itself does not work: ${stderr}`)
  return performance.now() - start
}

function assay(args) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' })
}

/** Whether the command was still running after so many milliseconds, and so was killed. */
function kill(args, after) {
  const child = spawn(process.execPath, [command, ...args], { stdio: 'ignore' })
  const timer = setTimeout(() => child.kill('SIGKILL'), after)
  return new Promise((resolve) => {
    child.on('close', (_, signal) => {
      clearTimeout(timer)
      resolve(signal === 'SIGKILL')
    })
  })
}

/** Kills the command as it gives the files their names, or some milliseconds after. */
function killAtNames(args, watched, name) {
  const child = spawn(process.execPath, [command, ...args], { stdio: 'ignore' })
  let left = Math.ceil(Math.random() * 4)
  const watcher = watch(watched, (_, file) => {
    if (!name.test(file ?? '') || --left > 0) return
    if (Math.random() < 0.5) child.kill('SIGKILL')
    else setTimeout(() => child.kill('SIGKILL'), Math.random() * 8)
  })
  return new Promise((resolve) => {
    child.on('close', (_, signal) => {
      watcher.close()
      resolve(signal === 'SIGKILL')
    })
  })
}

function checkOut(out, before, source, mended) {
  if (!same(digests(source), before)) fail('the original has changed')
  if (!existsSync(out)) {
    const { status, stderr } = assay(['repair', source, '--out', out])
    if (status !== 0 || !same(whole(out), mended)) fail(`it does not work afterwards: ${stderr}`)
    const left = readdirSync(folder).filter((name) => name.includes('.assay-') && name.includes(out.split('/').at(-1)))
    if (left.length > 0) fail(`left behind: ${left}`)
    return 'absent'
  }
  if (!same(whole(out), mended)) fail('the target is half-written')
  if (assay(['verify', out]).status === 2) fail('the target does not verify')
  return 'whole'
}

function checkInPlace(path, before, mended) {
  const now = digests(path)
  for (const [name, digest] of before) {
    if (now.get(name) !== digest && now.get(name) !== mended.get(name)) fail(`${name} is neither old nor new`)
    if (now.get(name) !== digest && now.get(`${name}.backup`) !== digest) fail(`the original of ${name} is lost`)
  }
  const changed = [...before].filter(([name, digest]) => now.get(name) !== digest).length
  if (now.has('assay-repair.json')) {
    const { status, stderr } = assay(['repair', path, '--undo'])
    if (status !== 0) fail(`it cannot be undone: ${stderr}`)
  }
  if (!same(visible(path), before)) fail(`the original is not back: ${[...visible(path).keys()]}`)
  const again = assay(['repair', path, '--in-place'])
  if (again.status !== 0) fail(`it does not work afterwards: ${again.stderr}`)
  const left = readdirSync(path).filter((name) => name.startsWith('.'))
  if (left.length > 0) fail(`left behind: ${left}`)
  return changed === 0 ? 'untouched' : changed === SHARDS + 1 ? 'whole' : 'partway'
}

function copy(source, name) {
  const path = join(folder, name)
  cpSync(source, path, { recursive: true, preserveTimestamps: true })
  return path
}

function digests(path) {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name)
      return [file.slice(path.length + 1), createHash('sha256').update(readFileSync(file)).digest('hex')]
    }),
  )
}

/** Without what begins with a dot: rooms and locks of a command that was killed. */
function visible(path) {
  return new Map([...digests(path)].filter(([name]) => !name.startsWith('.')))
}

/** Without the record, which tells the time. */
function whole(path) {
  return new Map([...digests(path)].filter(([name]) => name !== 'assay-repair.json'))
}

function same(a, b) {
  return a.size === b.size && [...a].every(([name, digest]) => b.get(name) === digest)
}

function fail(why) {
  console.error(why)
  rmSync(folder, { recursive: true, force: true })
  process.exit(1)
}
