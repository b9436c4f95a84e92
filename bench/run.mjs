/**
 * Times the built command against what the system and NumPy need for the same bytes. `npm run build` first.
 * ASSAY_PYTHON names a Python with NumPy and torch; without one their rows are left out.
 * ASSAY_BENCH_MIB sets the size of the files that are read whole (1024).
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { safetensors, stepped, weights } from './files.mjs'
import { makeRun } from './make-run.mjs'
import { ASSAY, node, program, pythonWith, run } from './measure.mjs'

if (!existsSync(ASSAY)) {
  console.error('There is no out/cli/assay.cjs: run `npm run build` first.')
  process.exit(2)
}

const MIB = Number(process.env.ASSAY_BENCH_MIB ?? 1024)
const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'))
const at = (name) => join(folder, name)
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const numpy = pythonWith('numpy')
const torch = pythonWith('torch')
const rows = []

/** Adds a line: what ran, how long, at what rate over `bytes`, against the line it is compared with, in what memory. */
function line(what, { seconds, cpuSeconds, residentBytes }, { bytes, than } = {}) {
  rows.push({
    what,
    'time (s)': seconds.toFixed(3),
    'CPU (s)': cpuSeconds === undefined ? '' : cpuSeconds.toFixed(3),
    'MB/s': bytes === undefined ? '' : Math.round(bytes / seconds / 1e6),
    'x base': than === undefined ? '' : (seconds / than.seconds).toFixed(2),
    'peak RSS (MB)': residentBytes === undefined ? '' : Math.round(residentBytes / 1e6),
  })
  return { seconds }
}

function opening() {
  const start = line('node -e 0 (base of the next lines)', node('-e', '0'))
  const layers = Object.fromEntries(Array.from({ length: 160 }, (_, i) => [`layers.${i}.weight`, [4096, 4096]]))
  safetensors(at('big.safetensors'), layers)
  line('assay show, safetensors of 10 GiB', node(ASSAY, 'show', at('big.safetensors'), '--json'), { than: start })
  if (torch) {
    run(torch, [script('torch-zip.py'), at('big.pt'), '10'])
    line('assay show, torch zip of 10 GiB', node(ASSAY, 'show', at('big.pt'), '--json'), { than: start })
  }
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`blocks.${i}.mlp.weight`, [4, 4]]))
  safetensors(at('many.safetensors'), many)
  const list = ['show', at('many.safetensors'), '--tensors', '--json']
  line('assay show --tensors, 100,000 tensors', node(ASSAY, ...list), { than: start })
}

function runs() {
  const start = line('node -e 0 (base of the next lines)', node('-e', '0'))
  makeRun(at('run'), 300)
  line('assay verify, a run of 300 checkpoints', node(ASSAY, 'verify', at('run'), '--json'), { than: start })
  line('assay history, a run of 300 checkpoints', node(ASSAY, 'history', at('run'), '--json'), { than: start })
}

function reading() {
  const shapes = { weight: [MIB, 2 ** 18] }
  const [a, b, copy] = [at('a.safetensors'), at('b.safetensors'), at('copy.safetensors')]
  safetensors(a, shapes, weights(1))
  safetensors(b, shapes, stepped(1))
  copyFileSync(a, copy)
  const bytes = MIB * 2 ** 20
  const cat = line(`cat A, ${MIB} MiB (base of the next lines)`, program('cat', a), { bytes })
  line('assay stats A', node(ASSAY, 'stats', a, '--json'), { bytes, than: cat })
  if (numpy)
    line('NumPy stats A, blocked', program(numpy, script('blocked-numpy.py'), 'stats', a), { bytes, than: cat })

  const both = 2 * bytes
  const cats = line('cat A B (base of the next lines)', program('cat', a, b), { bytes: both })
  line('cmp A copy', program('cmp', a, copy), { bytes: both, than: cats })
  line('assay diff A copy', node(ASSAY, 'diff', a, copy, '--json'), { bytes: both, than: cats })
  line('assay diff A B', node(ASSAY, 'diff', a, b, '--json'), { bytes: both, than: cats })
  if (numpy) {
    const compared = program(numpy, script('blocked-numpy.py'), 'diff', a, b)
    line('NumPy diff A B, blocked', compared, { bytes: both, than: cats })
  }
}

try {
  opening()
  runs()
  reading()
} finally {
  rmSync(folder, { recursive: true })
}
console.table(Object.fromEntries(rows.map(({ what, ...numbers }) => [what, numbers])))
if (!numpy || !torch) console.log('Set ASSAY_PYTHON to a Python with NumPy and torch to see the rows left out.')
