import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { sha256Of } from '../../src/core/checkpoint/values'
import { AssayError } from '../../src/core/errors'

interface Fact {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** null for a tensor without values. */
  readonly sha256: string | null
}

const golden = fileURLToPath(new URL('../golden', import.meta.url))
/** A folder of files that others published, a sub-folder for each form. Not part of this repository: most have no licence. */
const published = process.env.ASSAY_PUBLISHED ?? ''
const TORCH = /\.(pt|pth|ptl|jit|ckpt|bin|pkl)$/

function filesBelow(folder: string): string[] {
  if (folder === '' || !existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TORCH.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** Damaged and hostile files are for other tests: what torch makes of them is not what is in them. */
const files = [
  ...filesBelow(golden).filter((path) => !/golden\/(damaged|hostile|make)/.test(path)),
  ...['torch-zip', 'torch-legacy', 'torchscript', 'torch-package'].flatMap((kind) =>
    filesBelow(published && join(published, kind)),
  ),
]

let facts: (readonly Fact[] | null)[]

beforeAll(() => {
  const python = process.env.ASSAY_PYTHON
  if (!python) throw new Error('Set ASSAY_PYTHON to a Python with torch')
  const script = fileURLToPath(new URL('torch-files.py', import.meta.url))
  const printed = execFileSync(python, ['-W', 'ignore', script], {
    input: files.join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  facts = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
})

/** Name, dtype, shape and values of what is listed. */
async function listed(path: string): Promise<Fact[]> {
  const checkpoint = await openCheckpoint(path)
  try {
    return await Promise.all(
      checkpoint.tensors.map(async (tensor) => {
        const { name, dtype, shape } = tensor
        return { name, dtype, shape: [...shape], sha256: tensor.blocks.length > 0 ? await sha256Of(tensor) : null }
      }),
    )
  } finally {
    checkpoint.close()
  }
}

/** A tensor whatever it is called: training dicts drop the key of the weights, torch has none for a tensor by itself. */
const nameless = ({ dtype, shape, sha256 }: Fact) => `${dtype} [${shape}] ${shape.includes(0) ? '' : sha256}`

describe('what torch loads', () => {
  it('is what is listed: dtypes, shapes, values, and names as far as torch has them', async () => {
    expect(facts).toHaveLength(files.length)
    const wrong: string[] = []
    let compared = 0
    for (const [i, path] of files.entries()) {
      const expected = facts[i]
      if (!expected || expected.length === 0) continue
      compared++
      const got = await listed(path)
      const left = new Map<string, string[]>()
      for (const fact of got) left.set(nameless(fact), [...(left.get(nameless(fact)) ?? []), fact.name])
      for (const fact of expected) {
        const names = left.get(nameless(fact)) ?? []
        const at = names.findIndex((name) => fact.name === name || fact.name === '' || fact.name.endsWith(`.${name}`))
        if (at < 0) wrong.push(`${path}: ${fact.name} ${nameless(fact)} (listed: ${names.slice(0, 3)})`)
        else names.splice(at, 1)
      }
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(60)
  })

  it('every file of torch opens, or is named', async () => {
    for (const path of files) {
      const checkpoint = await openCheckpoint(path).catch((error: unknown) => {
        if (error instanceof AssayError) return undefined
        throw error
      })
      const opened =
        checkpoint?.tensors.length || checkpoint?.findings.length || checkpoint?.files[0]?.value !== undefined
      expect(opened, path).toBeTruthy()
      checkpoint?.close()
    }
  })
})
