/**
 * Times the built command against what the system, NumPy and PyTorch need for the same bytes, in turn. `npm run build` first.
 * `--max-size 4GB` sets the largest file (1GB is quick), `--write` keeps the tables in docs/benchmarks.md.
 * ASSAY_PYTHON names a Python with NumPy and torch; without one their rows are left out.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { safetensors, stepped, weights } from './files.mjs'
import { makeRun } from './make-run.mjs'
import { ASSAY, alternately, assay, node, program, pythonWith, run } from './measure.mjs'
import { print, write } from './tables.mjs'

if (!existsSync(ASSAY)) {
  console.error('There is no out/cli/assay.cjs: run `npm run build` first.')
  process.exit(2)
}

const UNITS = { KB: 1e3, MB: 1e6, GB: 1e9 }
const { values: options } = parseArgs({
  options: { 'max-size': { type: 'string', default: '4GB' }, write: { type: 'boolean', default: false } },
})
const [, digits, unit] = /^(\d+)(KB|MB|GB)$/.exec(options['max-size']) ?? []
if (!unit) throw new Error('Write the largest size as 4GB, 500MB or 1KB')
const MOST = Number(digits) * UNITS[unit]

const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'))
const at = (name) => join(folder, name)
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const numpy = pythonWith('numpy')
const torch = pythonWith('torch')
const tables = []

/** A table: every command against the first, which is its base. `bytes` are those that each has to read. */
function compare(title, bytes, commands, times) {
  console.error(title)
  const found = alternately(commands, times)
  const base = [...found.values()][0]
  tables.push({
    title,
    bytes,
    rows: [...found].map(([what, one]) => ({ what, ...one, ratio: one.seconds / base.seconds })),
  })
}

const python = (interpreter, times, ...args) =>
  interpreter && { ...program(interpreter, script('blocked-numpy.py'), ...args), times }

function diffs(bytes, size, dtype) {
  if (bytes > MOST) return
  const [a, b, copy] = [at('a.safetensors'), at('b.safetensors'), at('copy.safetensors')]
  const shapes = { weight: [bytes / (dtype === 'F32' ? 4 : 2)] }
  safetensors(a, shapes, weights(1), dtype)
  safetensors(b, shapes, stepped(1), dtype)
  copyFileSync(a, copy)
  const large = bytes >= 1e9
  compare(`Diff of 2 x ${size} of ${dtype}`, 2 * bytes, {
    'cat A B': program('cat', a, b),
    'cmp A copy': program('cmp', a, copy),
    'assay diff A copy, 1 thread': assay(1, 'diff', a, copy, '--json'),
    'assay diff A copy, 2 threads': assay(2, 'diff', a, copy, '--json'),
    'assay diff A B, 1 thread': assay(1, 'diff', a, b, '--json'),
    'assay diff A B, 2 threads': assay(2, 'diff', a, b, '--json'),
    'NumPy diff A B, blocked': dtype === 'BF16' ? undefined : python(numpy, large ? 1 : 3, 'diff', dtype, a, b),
    'PyTorch diff A B, blocked': python(torch, large ? 1 : 3, 'torch-diff', dtype, a, b),
  })
  if (dtype === 'F32' && large) exports(a, bytes, size)
  for (const path of [a, b, copy]) rmSync(path)
}

function exports(a, bytes, size) {
  const out = at('out.safetensors')
  const after = () => rmSync(out, { recursive: true })
  compare(
    `Export of ${size}`,
    bytes,
    {
      'cp A out': { ...program('cp', a, out), after },
      'sha256sum A': program('sha256sum', a),
      'assay export A': { ...assay(2, 'export', a, '--format', 'safetensors', '--out', out), after },
    },
    1,
  )
}

function statistics(bytes, size, dtype) {
  if (bytes > MOST) return
  const a = at('a.safetensors')
  safetensors(a, { weight: [bytes / (dtype === 'F32' ? 4 : 2)] }, weights(1), dtype)
  const times = bytes >= 1e9 ? 1 : 3
  compare(`Statistics of ${size} of ${dtype}`, bytes, {
    'cat A': program('cat', a),
    'sha256sum A': { ...program('sha256sum', a), times },
    'assay stats A, 1 thread': assay(1, 'stats', a, '--json'),
    'assay stats A, 2 threads': assay(2, 'stats', a, '--json'),
    'NumPy, blocked': dtype === 'BF16' ? undefined : python(numpy, times, 'stats', dtype, a),
    'PyTorch, blocked': python(torch, times, 'torch-stats', dtype, a),
  })
  rmSync(a)
}

function manyTensors() {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`blocks.${i}.mlp.weight`, [4, 4]]))
  safetensors(at('many.safetensors'), many, weights(1))
  safetensors(at('stepped.safetensors'), many, stepped(1))
  compare(
    '100,000 tensors',
    undefined,
    {
      'node -e 0': node('-e', '0'),
      'assay show --tensors': assay(2, 'show', at('many.safetensors'), '--tensors', '--json'),
      'assay diff of two': assay(2, 'diff', at('many.safetensors'), at('stepped.safetensors'), '--json'),
    },
    2,
  )
}

function opening() {
  const layers = Object.fromEntries(Array.from({ length: 160 }, (_, i) => [`layers.${i}.weight`, [4096, 4096]]))
  safetensors(at('big.safetensors'), layers)
  if (torch) run(torch, [script('torch-zip.py'), at('big.pt'), '10'])
  makeRun(at('run'), 300)
  compare('Opening', undefined, {
    'node -e 0': node('-e', '0'),
    'assay show, safetensors of 10 GiB': assay(2, 'show', at('big.safetensors'), '--json'),
    'assay show, torch zip of 10 GiB': torch && assay(2, 'show', at('big.pt'), '--json'),
    'assay verify, a run of 300 checkpoints': assay(2, 'verify', at('run'), '--json'),
    'assay history, a run of 300 checkpoints': assay(2, 'history', at('run'), '--json'),
  })
}

try {
  opening()
  manyTensors()
  diffs(1000, '1 KB', 'F32')
  diffs(1e6, '1 MB', 'F32')
  for (const dtype of ['F32', 'BF16', 'F16']) diffs(1e8, '100 MB', dtype)
  for (const dtype of ['F32', 'BF16']) diffs(2e9, '2 GB', dtype)
  statistics(1e6, '1 MB', 'F32')
  for (const dtype of ['F32', 'BF16', 'F16']) statistics(1e8, '100 MB', dtype)
  for (const dtype of ['F32', 'BF16']) statistics(4e9, '4 GB', dtype)
} finally {
  rmSync(folder, { recursive: true })
}
print(tables)
if (options.write) write(tables)
if (!numpy || !torch) console.log('Set ASSAY_PYTHON to a Python with NumPy and torch to see the rows left out.')
