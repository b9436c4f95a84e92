import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../src/core/checkpoint/checkpoint'
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
/** What a reference library makes of a file. */
interface Loaded {
  readonly by: 'torch' | 'numpy' | 'safetensors'
  readonly tensors: readonly Fact[]
}

const golden = fileURLToPath(new URL('../golden', import.meta.url))
/** A folder of files that others published. Not part of this repository: most have no licence. */
const published = process.env.ASSAY_PUBLISHED
const folders = published ? [golden, published] : [golden]

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

const files = [
  ...filesBelow(golden).filter((path) => path.includes('/data/')),
  ...(published ? filesBelow(published) : []),
]
/** Hostile files are opened here and nowhere else. */
const trusted = files.filter((path) => !/\/hostile[-/]/.test(path))

/** One line of the table. */
interface Row {
  readonly path: string
  readonly kind: string
  readonly tensors: number
  /** Whether torch.load(weights_only=True) is said to refuse it. */
  readonly refused: boolean
  /** What was found where nothing could be listed. */
  readonly named?: string
}

async function opened<T>(path: string, use: (checkpoint: Checkpoint) => Promise<T>): Promise<T | AssayError> {
  try {
    const checkpoint = await openCheckpoint(path)
    try {
      return await use(checkpoint)
    } finally {
      checkpoint.close()
    }
  } catch (error) {
    if (error instanceof AssayError) return error
    throw error
  }
}

async function rowOf(path: string): Promise<Row> {
  const row = await opened(path, async ({ files: [file], tensors, state, findings, layoutLabel }) => {
    const states = state.records.length + state.optimizers.length + state.schedulers.length + state.rng.length
    const told = findings.find(({ rule }) => /^(file|pickle)\//.test(rule))?.message
    const named = file?.value !== undefined || states > 0 ? layoutLabel : told
    const refused = findings.some(({ rule }) => rule === 'pickle/not-weights-only')
    return { path, kind: file?.kind ?? 'none', tensors: tensors.length, refused, ...(named !== undefined && { named }) }
  })
  return row instanceof AssayError ? { path, kind: 'none', tensors: 0, refused: false, named: row.message } : row
}

/** Name, dtype, shape and values of what is listed. */
async function listed(path: string): Promise<Fact[]> {
  const facts = await opened(path, async ({ tensors }) => {
    const made: Fact[] = []
    for (const tensor of tensors) {
      const { name, dtype, shape } = tensor
      made.push({ name, dtype, shape: [...shape], sha256: tensor.blocks.length > 0 ? await sha256Of(tensor) : null })
    }
    return made
  })
  return facts instanceof AssayError ? [] : facts
}

/** A tensor whatever it is called: training dicts drop the key of the weights, torch has none for a tensor by itself. */
const nameless = ({ dtype, shape, sha256 }: Fact) => `${dtype} [${shape}] ${shape.includes(0) ? '' : sha256}`

/** What the library reports and is not listed as it says. */
function unlike(got: readonly Fact[], { by, tensors }: Loaded): string[] {
  const left = new Map<string, string[]>()
  for (const fact of got) left.set(nameless(fact), [...(left.get(nameless(fact)) ?? []), fact.name])
  return tensors.flatMap((fact) => {
    const names = left.get(nameless(fact)) ?? []
    const fits = (name: string) =>
      fact.name === name || fact.name === '' || (by === 'torch' && fact.name.endsWith(`.${name}`))
    const at = names.findIndex(fits)
    if (at < 0) return [`${fact.name} ${nameless(fact)} (listed: ${names.slice(0, 3)})`]
    names.splice(at, 1)
    return []
  })
}

function loadedByOthers(): Map<string, Loaded | null> {
  const python = process.env.ASSAY_PYTHON
  if (!python) throw new Error('Set ASSAY_PYTHON to a Python with torch, numpy and safetensors')
  const printed = execFileSync(python, ['-W', 'ignore', fileURLToPath(new URL('files.py', import.meta.url))], {
    input: trusted.join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const lines = printed.trim().split('\n')
  expect(lines).toHaveLength(trusted.length)
  return new Map(trusted.map((path, i) => [path, JSON.parse(lines[i] as string)]))
}

function tableLine({ path, kind, tensors, named }: Row, loaded: Loaded | null | undefined, wrong: number): string {
  const folder = folders.find((each) => path.startsWith(each)) ?? ''
  const others = loaded ? `${wrong === 0 ? 'as' : 'UNLIKE'} ${loaded.by} (${loaded.tensors.length})` : '-'
  const told = tensors > 0 || named === undefined ? '' : `  ${named.slice(0, 90)}`
  return `${relative(folder, path)}  ${kind}  ${tensors}  ${others}${told}\n`
}

describe('every file', () => {
  it('opens or is named, and what torch, NumPy or safetensors load safely is what is listed', async () => {
    const others = loadedByOthers()
    const wrong: string[] = []
    const unnamed: string[] = []
    const compared = { torch: 0, numpy: 0, safetensors: 0 }
    for (const path of files) {
      const row = await rowOf(path)
      const loaded = others.get(path)
      const bad = loaded ? unlike(await listed(path), loaded) : []
      if (loaded && loaded.tensors.length > 0) compared[loaded.by]++
      for (const each of bad) wrong.push(`${path}: ${each}`)
      if (loaded?.by === 'torch' && row.refused) wrong.push(`${path}: torch loads it with weights_only`)
      if (row.tensors === 0 && row.named === undefined) unnamed.push(path)
      process.stdout.write(tableLine(row, loaded, bad.length))
    }
    process.stdout.write(`${files.length} files; compared with ${JSON.stringify(compared)}\n`)
    expect(wrong).toEqual([])
    expect(unnamed).toEqual([])
    expect(compared.torch).toBeGreaterThan(100)
    expect(compared.numpy).toBeGreaterThan(5)
    expect(compared.safetensors).toBeGreaterThan(40)
  })
})
