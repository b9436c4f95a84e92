import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a script of this folder with the Python that has PyTorch; what it prints. Throws when it fails. */
export function python(script: string, ...args: string[]): string {
  const interpreter = process.env.ASSAY_PYTHON
  if (!interpreter) throw new Error('Set ASSAY_PYTHON to a Python with torch and safetensors')
  const path = fileURLToPath(new URL(script, import.meta.url))
  return execFileSync(interpreter, ['-W', 'ignore', path, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
