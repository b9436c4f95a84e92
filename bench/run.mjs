/**
 * Times the built command against what the system, NumPy and PyTorch need for the same bytes, in turn. `npm run build` first.
 * `--max-size 1GB` sets the largest file, `--minutes 6` after which no table is begun any more, `--write` keeps the tables in
 * docs/benchmarks.md. ASSAY_PYTHON names a Python with NumPy, torch and transformers; without one their rows are left out.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { safetensors, stepped, weights } from './files.mjs'
import { ASSAY, alternately, assay, node, program, pythonWith, run } from './measure.mjs'
import { at } from './scratch.mjs'
import { print, write } from './tables.mjs'
import { toldOf } from './targets.mjs'

if (!existsSync(ASSAY)) {
  console.error('There is no out/cli/assay.cjs: run `npm run build` first.')
  process.exit(2)
}

const UNITS = { KB: 1e3, MB: 1e6, GB: 1e9 }
const { values: options } = parseArgs({
  options: {
    'max-size': { type: 'string', default: '1GB' },
    minutes: { type: 'string', default: '6' },
    write: { type: 'boolean', default: false },
  },
})
const MOST = bytesOf(options['max-size'])
/** The last table takes about one more. */
const LAST_START = (Number(options.minutes) - 1) * 60
if (!(LAST_START >= 0)) throw new Error('Write the minutes as 6')

const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const numpy = pythonWith('numpy')
const torch = pythonWith('torch')
const transformers = pythonWith('transformers')
const tables = []
const leftOut = []

/** Bytes of `4GB`, `500 MB`, `1KB`. */
function bytesOf(size) {
  const [, digits, unit] = /^(\d+) ?(KB|MB|GB)$/.exec(size) ?? []
  if (!unit) throw new Error('Write the largest size as 4GB, 500MB or 1KB')
  return Number(digits) * UNITS[unit]
}

/** Whether to begin with a table of files of this size; those that come too late are told of. */
function wanted(title, size = '1KB') {
  if (bytesOf(size) > MOST) return false
  const inTime = performance.now() / 1000 < LAST_START
  if (!inTime) leftOut.push(title)
  return inTime
}

/** A table: every command against the first, which is its base. `bytes` are those that each has to read; `targets` by row. */
async function compare(title, bytes, commands, { times = 3, targets = {} } = {}) {
  console.error(`${Math.round(performance.now() / 1000)} s: ${title}`)
  const found = await alternately(commands, times)
  const measured = [...found].map(([what, one]) => ({ what, ...one }))
  const rows = measured.map((row) => ({
    ...row,
    ratio: row.seconds / measured[0].seconds,
    told: (targets[row.what] ?? []).flatMap((target) => toldOf(target, row, measured) ?? []),
  }))
  tables.push({ title, bytes, rows })
}

/** Slow: once is enough. */
const python = (interpreter, ...args) =>
  interpreter && { ...program(interpreter, script('blocked-numpy.py'), ...args), times: 1 }

/** On files that take longer to read than Node to start, ratios are asked for; on the smallest, a quick start. */
function diffTargets(bytes) {
  if (bytes === 1e3) return { 'assay diff A B, 2 threads': [{ seconds: 0.25 }] }
  if (bytes < 1e9) return {}
  const fifth = (than) => ({ than, most: 0.2 })
  return {
    'assay diff A copy, 2 threads': [
      { than: 'cmp A copy', most: 0.5 },
      { than: 'cat A B', most: 2 },
      { megabytes: 400 },
    ],
    'assay diff A B, 2 threads': [{ than: 'cat A B', most: 2 }, fifth('NumPy diff A B, blocked'), { megabytes: 400 }],
  }
}

async function diffs(size, dtype) {
  const title = `Diff of 2 x ${size} of ${dtype}`
  if (!wanted(title, size)) return
  const bytes = bytesOf(size)
  const [a, b, copy] = [at('a.safetensors'), at('b.safetensors'), at('copy.safetensors')]
  const shapes = { weight: [bytes / (dtype === 'F32' ? 4 : 2)] }
  safetensors(a, shapes, weights(1), dtype)
  safetensors(b, shapes, stepped(1), dtype)
  copyFileSync(a, copy)
  const commands = {
    'cat A B': program('cat', a, b),
    'cmp A copy': program('cmp', a, copy),
    'assay diff A copy, 1 thread': assay(1, 'diff', a, copy, '--json'),
    'assay diff A copy, 2 threads': assay(2, 'diff', a, copy, '--json'),
    'assay diff A B, 1 thread': assay(1, 'diff', a, b, '--json'),
    'assay diff A B, 2 threads': assay(2, 'diff', a, b, '--json'),
    'NumPy diff A B, blocked': dtype === 'BF16' ? undefined : python(numpy, 'diff', dtype, a, b),
    'PyTorch diff A B, blocked': python(torch, 'torch-diff', dtype, a, b),
  }
  await compare(title, 2 * bytes, commands, { targets: diffTargets(bytes) })
  if (dtype === 'F32' && bytes >= 1e8) await exports(a, size)
  for (const path of [a, b, copy]) rmSync(path)
}

async function exports(a, size) {
  const title = `Export of ${size}`
  if (!wanted(title, size)) return
  const out = at('out.safetensors')
  const after = () => rmSync(out, { recursive: true })
  // An export is on the disk when it ends, and was read back.
  const commands = {
    'cp A out; sync out': { ...program('sh', '-c', 'cp "$0" "$1" && sync "$1"', a, out), after },
    'cp A out': { ...program('cp', a, out), after },
    'sha256sum A': program('sha256sum', a),
    'assay export A': { ...assay(2, 'export', a, '--format', 'safetensors', '--out', out), after },
  }
  const targets = { 'assay export A': [{ than: 'cp A out; sync out', most: 1.25 }, { megabytes: 300 }] }
  await compare(title, bytesOf(size), commands, { times: 2, targets })
}

async function statistics(size, dtype) {
  const title = `Statistics of ${size} of ${dtype}`
  if (!wanted(title, size)) return
  const bytes = bytesOf(size)
  const a = at('a.safetensors')
  safetensors(a, { weight: [bytes / (dtype === 'F32' ? 4 : 2)] }, weights(1), dtype)
  const commands = {
    'cat A': program('cat', a),
    'sha256sum A': { ...program('sha256sum', a), times: 1 },
    'assay stats A, 1 thread': assay(1, 'stats', a),
    'assay stats A, 2 threads': assay(2, 'stats', a),
    'assay stats A, exponents too': assay(2, 'stats', a, '--json'),
    'NumPy, blocked': dtype === 'BF16' ? undefined : python(numpy, 'stats', dtype, a),
    'PyTorch, blocked': python(torch, 'torch-stats', dtype, a),
  }
  const targets = bytes < 1e9 ? {} : { 'assay stats A, 2 threads': [{ than: 'cat A', most: 1.5 }, { megabytes: 400 }] }
  await compare(title, bytes, commands, { targets })
  rmSync(a)
}

async function manyTensors() {
  const title = '100,000 tensors'
  if (!wanted(title)) return
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`blocks.${i}.mlp.weight`, [4, 4]]))
  const [a, b, copy] = [at('many.safetensors'), at('stepped.safetensors'), at('copy.safetensors')]
  safetensors(a, many, weights(1))
  safetensors(b, many, stepped(1))
  copyFileSync(a, copy)
  const commands = {
    'node -e 0': node('-e', '0'),
    'assay show A --tensors': assay(2, 'show', a, '--tensors', '--json'),
    'assay diff A copy': assay(2, 'diff', a, copy),
    'assay diff A B': assay(2, 'diff', a, b),
    'assay diff A B --json': assay(2, 'diff', a, b, '--json'),
  }
  const held = [{ seconds: 3 }, { megabytes: 400 }]
  const targets = { 'assay diff A copy': held, 'assay diff A B': held, 'assay diff A B --json': held }
  await compare(title, undefined, commands, { times: 2, targets })
  for (const path of [a, b, copy]) rmSync(path)
}

async function opening() {
  const title = 'Opening'
  if (!wanted(title)) return
  const layers = Object.fromEntries(Array.from({ length: 160 }, (_, i) => [`layers.${i}.weight`, [4096, 4096]]))
  safetensors(at('big.safetensors'), layers)
  if (torch) await run(torch, [script('torch-zip.py'), at('big.pt'), '10'])
  if (transformers) await run(transformers, [script('make-run.py'), at('run'), '300'])
  const commands = {
    'node -e 0': node('-e', '0'),
    'assay show, safetensors of 10 GiB': assay(2, 'show', at('big.safetensors'), '--json'),
    'assay show, torch zip of 10 GiB': torch && assay(2, 'show', at('big.pt'), '--json'),
    'assay verify, a run of 300 checkpoints': transformers && assay(2, 'verify', at('run'), '--json'),
    'assay history, a run of 300 checkpoints': transformers && assay(2, 'history', at('run'), '--json'),
  }
  await compare(title, undefined, commands, { times: 2 })
}

await opening()
await manyTensors()
// What is held to a target comes first: it must not be what there is no time for.
for (const size of ['1KB', '1GB', '2GB']) for (const dtype of ['F32', 'BF16']) await diffs(size, dtype)
for (const size of ['1GB', '4GB']) for (const dtype of ['F32', 'BF16']) await statistics(size, dtype)
await diffs('1MB', 'F32')
await statistics('1MB', 'F32')
for (const dtype of ['F32', 'BF16', 'F16']) await diffs('100MB', dtype)
for (const dtype of ['F32', 'BF16', 'F16']) await statistics('100MB', dtype)

print(tables)
if (options.write) write(tables, ['npm run bench --', ...process.argv.slice(2)].join(' '))
if (leftOut.length > 0) console.log(`Left out for want of time (--minutes): ${leftOut.join(', ')}.`)
if (!numpy || !torch || !transformers)
  console.log('Set ASSAY_PYTHON to a Python with NumPy, torch and transformers to see the rows left out.')
