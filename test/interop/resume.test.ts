import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assay, assayJson } from '../cli/run'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-resume-'))
const place = (...names: string[]) => join(folder, ...names)
/** Losses of steps 6 to 10 of the runs that nothing happened to. */
let undamaged: { accelerate: number[]; trainer: number[] }
beforeAll(() => {
  undamaged = JSON.parse(python('resume.py', 'make', place('runs')))
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

const LAST = { accelerate: 'checkpoint_5', trainer: 'checkpoint-5' } as const
type Library = keyof typeof LAST

/** A copy of the run of its own without some files of its last checkpoint, repaired by the command; its path, and the level. */
async function repairedWithout(library: Library, lost: readonly string[], ...options: string[]) {
  const name = `${library}-${lost.join('-')}`
  const source = place('runs', library)
  for (const each of readdirSync(source)) {
    if (each.startsWith('checkpoint')) cpSync(join(source, each), place(name, each), { recursive: true })
  }
  const path = place(name, LAST[library])
  for (const file of lost) rmSync(join(path, file))
  return repaired(path, place(`${name}-mended`, LAST[library]), ...options)
}

async function repaired(path: string, out: string, ...options: string[]) {
  mkdirSync(dirname(out), { recursive: true })
  const { status, stderr } = await assay(['repair', path, '--out', out, ...options])
  expect([status, stderr]).toEqual([0, expect.anything()])
  const { json } = await assayJson<{ resume: { level: string } }>('verify', out)
  return { out, level: json.resume.level }
}

function resumed(library: Library, paths: readonly string[]): number[][] {
  return JSON.parse(python('resume.py', library, ...paths))
}

const largest = (losses: readonly number[], others: readonly number[]) =>
  Math.max(...losses.map((loss, i) => Math.abs(loss - (others[i] ?? Number.NaN))))

describe.each([
  {
    library: 'accelerate' as const,
    exact: [['scheduler.bin']],
    rng: 'random_states_0.pkl',
    optimizer: 'optimizer.bin',
    far: 2,
  },
  {
    library: 'trainer' as const,
    exact: [['scheduler.pt'], ['trainer_state.json'], ['scheduler.pt', 'trainer_state.json']],
    rng: 'rng_state.pth',
    optimizer: 'optimizer.pt',
    far: 0.5,
  },
])('a repaired folder of $library', ({ library, exact, rng, optimizer, far }) => {
  it('trains on with the same losses, bit for bit, where what was lost can be worked out', async () => {
    const mended = []
    for (const lost of exact) mended.push(await repairedWithout(library, lost))
    // The state is the same, yet nobody saved it: the verdict must not say that it is exact.
    expect(mended.map(({ level }) => level)).toEqual(exact.map(() => 'stable'))
    const losses = resumed(library, [place('runs', library, LAST[library]), ...mended.map(({ out }) => out)])
    expect(losses).toEqual([undamaged[library], ...exact.map(() => undamaged[library])])
  }, 300_000)

  it('trains on smoothly where random states or moments are fresh, alone and all together', async () => {
    const all = [rng, optimizer, ...(exact.at(-1) ?? [])]
    const mended = []
    for (const lost of [[rng], [optimizer], all]) mended.push(await repairedWithout(library, lost))
    expect(mended.map(({ level }) => level)).toEqual(['stable', 'stable', 'stable'])
    const [reseeded, restarted, both] = resumed(
      library,
      mended.map(({ out }) => out),
    ) as [number[], number[], number[]]
    // Weights and random states are those of the run: so is the first loss, before the optimizer has its say.
    expect(restarted[0]).toBe(undamaged[library][0])
    for (const losses of [reseeded, restarted, both]) {
      expect(losses).toHaveLength(5)
      expect(losses).not.toEqual(undamaged[library])
      expect(largest(losses, undamaged[library])).toBeLessThan(far)
    }
  }, 300_000)

  it('trains on with the same losses after its weights got their shapes back', async () => {
    const path = place(`${library}-flat`, LAST[library])
    cpSync(place('runs', library, LAST[library]), path, { recursive: true })
    python('resume.py', 'flatten', join(path, 'model.safetensors'))
    const reference = place('runs', library, LAST[library])
    const { out, level } = await repaired(
      path,
      place(`${library}-flat-mended`, LAST[library]),
      '--reference',
      reference,
    )
    expect(level).toBe('exact')
    expect(resumed(library, [out])).toEqual([undamaged[library]])
  }, 300_000)
})
