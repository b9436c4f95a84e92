import { vi } from 'vitest'
import { main } from '../../src/cli/main'

// Whole commands and jobs on a machine that may be busy with something else.
vi.setConfig({ testTimeout: 60_000 })

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command line in this process, as a pipe would see it. */
export async function assay(argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const status = await main(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env,
    folder: process.cwd(),
  })
  return { status, stdout, stderr }
}

/** As `assay` with `--json`: the one document that must be on standard output. */
export async function assayJson<Document = Record<string, unknown>>(
  ...argv: readonly string[]
): Promise<Ran & { readonly json: Document & { readonly schema: number } }> {
  const ran = await assay([...argv, '--json'])
  return { ...ran, json: JSON.parse(ran.stdout) }
}
