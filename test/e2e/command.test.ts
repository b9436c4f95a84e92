import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { assay } from '../cli/run'
import { scratchFolders } from '../core/bytes/scratch'

const COMMAND = fileURLToPath(new URL('../../out/cli/assay.cjs', import.meta.url))
const golden = (name: string) => fileURLToPath(new URL(`../golden/${name}/data`, import.meta.url))
const scratch = scratchFolders()

/** Runs the built command, which keeps its compiled code below `cache`. */
function built(argv: readonly string[], cache: string, env: Record<string, string> = {}) {
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    const options = { env: { ...process.env, XDG_CACHE_HOME: cache, ...env }, maxBuffer: 2 ** 28 }
    execFile(process.execPath, [COMMAND, ...argv], options, (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

describe('the built command, which has no schemas,', () => {
  it.each([
    ['verify', golden('trainer-gpt2')],
    ['verify', golden('damaged-optimizer-of-another-model'), '--deep'],
    ['verify', golden('dcp-fsdp2-shard-missing')],
    ['verify', '--rules'],
    ['show', golden('dcp-fsdp2'), '--tensors', '--sha256'],
    ['show', golden('producer-nnunet')],
    ['stats', golden('torch-zoo-dtypes'), '--exponents'],
    ['diff', golden('optimizer-zoo-adam'), golden('optimizer-zoo-radam')],
    ['diff', golden('accelerate-plain'), golden('accelerate-plain-bin'), '--atol', '1e-3'],
    ['history', golden('trainer-gpt2')],
    ['scan', golden('hostile-torch-zip'), golden('torch-zoo-module')],
    ['repair', golden('damaged-optimizer-empty'), '--out', 'nowhere/', '--dry-run'],
    ['export', golden('torch-zoo-views'), '--out', 'nowhere.safetensors', '--dry-run'],
    ['show', golden('no-such-case')],
  ])('tells what the contract says: %s %s', async (...words) => {
    const argv = [...words, '--json']
    const [found, wanted] = [await built(argv, scratch()), await assay(argv)]
    expect(found.status).toBe(wanted.status)
    expect(found.stderr).toBe(wanted.stderr)
    expect(JSON.parse(found.stdout)).toEqual(JSON.parse(wanted.stdout))
  })
})

describe('the compiled code of a command', () => {
  const argv = ['show', golden('trainer-gpt2'), '--json']

  it('is kept for the next start, made anew where it is not whole, and never changes what is told', async () => {
    const cache = scratch()
    const kept = join(cache, 'assay', 'show')
    const first = await built(argv, cache)
    expect(first.status).toBe(0)
    const { size } = statSync(kept)
    utimesSync(kept, new Date(), new Date(Date.now() - 3_600_000))
    const { mtimeMs } = statSync(kept)
    expect(await built(argv, cache)).toEqual(first)
    expect(statSync(kept).mtimeMs).toBe(mtimeMs)

    const whole = readFileSync(kept)
    for (const spoilt of [
      whole.subarray(0, size >> 1),
      Buffer.alloc(size),
      Buffer.from(whole).fill(1, size >> 2, size >> 1),
    ]) {
      writeFileSync(kept, spoilt)
      expect(await built(argv, cache)).toEqual(first)
      expect(readFileSync(kept).equals(spoilt)).toBe(false)
    }
    expect(readdirSync(join(cache, 'assay'))).toEqual(['show'])
  })

  it('is not kept of a question about the command, nor of a request that failed, nor where that is not wanted', async () => {
    const cache = scratch()
    expect((await built(['show', '--help'], cache)).status).toBe(0)
    expect((await built(['show', golden('no-such-case')], cache)).status).toBe(2)
    expect((await built(argv, cache, { NODE_DISABLE_COMPILE_CACHE: '1' })).status).toBe(0)
    expect(readdirSync(cache)).toEqual([])
  })
})
