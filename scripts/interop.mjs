/**
 * Runs the tests that ask real PyTorch, safetensors and Accelerate. They need a Python that has them: ASSAY_PYTHON, else
 * python3. Without one this says so and, in CI, fails.
 */
import { spawnSync } from 'node:child_process'

const modules = 'import torch, safetensors, accelerate, transformers, peft, numpy'
const python = [process.env.ASSAY_PYTHON, 'python3'].find(
  (candidate) => candidate && spawnSync(candidate, ['-c', modules], { stdio: 'ignore' }).status === 0,
)

if (!python) {
  console.error(
    'The interop tests were NOT run: they need a Python with torch, safetensors, accelerate, transformers, peft and numpy.\n' +
      'Set ASSAY_PYTHON to its path, or: pip install -r test/golden/make/requirements.txt',
  )
  process.exit(process.env.CI ? 1 : 0)
}

const run = spawnSync('npx', ['vitest', 'run', '--project', 'interop', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, ASSAY_PYTHON: python },
})
process.exit(run.status ?? 1)
