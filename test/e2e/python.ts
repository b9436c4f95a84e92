import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const candidates = [process.env.ASSAY_PYTHON, 'python3'].filter((path) => path !== undefined)

/** A Python that has torch and safetensors. In CI a missing one is an error. */
export const python = candidates.find(
  (path) => spawnSync(path, ['-c', 'import torch, safetensors'], { stdio: 'ignore' }).status === 0,
)
if (!python && process.env.CI) throw new Error('ASSAY_PYTHON must name a Python with torch and safetensors')

export type Digests = Readonly<
  Record<string, { readonly dtype: string; readonly shape: number[]; readonly sha256: string }>
>

/** What the file holds according to `safetensors.safe_open` or `torch.load(weights_only=True)`. */
export function loadedByPython(path: string): Digests {
  const { status, stdout, stderr } = spawnSync(python ?? '', [join(import.meta.dirname, 'digests.py'), path], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}
