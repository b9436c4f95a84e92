import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import type { GeneratorState, OptimizerState } from '../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { diff } from '../../../src/core/diff/diff'
import { checkpoint, floats } from './checkpoints'

const saved = fileURLToPath(new URL('../../golden/trainer-gpt2/data/checkpoint-30', import.meta.url))

/** A copy of the checkpoint in which one byte of the values that `find` looks up in `file` is another. */
async function changed(file: string, component: string, name: RegExp) {
  const room = mkdtempSync(join(tmpdir(), 'assay-test-'))
  onTestFinished(() => rmSync(room, { recursive: true, force: true }))
  const folder = join(room, 'checkpoint-30')
  cpSync(saved, folder, { recursive: true })
  const opened = await openCheckpoint(folder)
  const tensor = opened.tensors.find((each) => each.component === component && name.test(each.name))
  const block = tensor?.blocks[0]
  if (!tensor || !block) throw new Error(`no ${name} in ${file}`)
  const window = new Uint8Array(64)
  await block.source.read(block.offset, window)
  opened.close()
  const bytes = readFileSync(join(folder, file))
  const at = bytes.indexOf(window)
  if (at < 0) throw new Error(`the values of ${tensor.name} are not in ${file} as they are`)
  bytes[at + 2] = (bytes[at + 2] as number) ^ 0x10
  writeFileSync(join(folder, file), bytes)
  return folder
}

async function compared(a: string, b: string) {
  const [left, right] = [await openCheckpoint(a), await openCheckpoint(b)]
  onTestFinished(() => {
    left.close()
    right.close()
  })
  return diff(left, right, { kernel })
}

describe('a diff of training states', () => {
  it('sees other moments behind equal weights', async () => {
    const report = await compared(saved, await changed('optimizer.pt', 'optimizer', /^state\.0\.exp_avg$/))
    expect(report).toMatchObject({ identical: false, summary: { changed: 0 } })
    expect(report.state.filter(({ same }) => !same)).toEqual([
      {
        what: 'optimizer.exp_avg',
        a: expect.stringMatching(/^\d+ tensors$/),
        b: expect.stringMatching(/^1 of \d+ differ$/),
        same: false,
      },
    ])
  })

  it('sees the state of another generator behind equal weights', async () => {
    const report = await compared(saved, await changed('rng_state.pth', 'rng', /^cpu$/))
    expect(report).toMatchObject({ identical: false, summary: { changed: 0 } })
    const [difference, ...others] = report.state.filter(({ same }) => !same)
    expect(difference?.what).toMatch(/^rng\.(rank 0\.)?torch$/)
    expect(difference?.a).not.toBe(difference?.b)
    expect(others).toEqual([])
  })

  it('compares the tuples of Python and the arrays of NumPy by what they hold', async () => {
    const earlier = await compared(saved.replace('-30', '-20'), saved)
    const again = await compared(saved, saved)
    const whats = (state: typeof again.state) => state.map(({ what }) => what).filter((what) => what.startsWith('rng'))
    expect(whats(again.state)).toEqual([])
    expect(earlier.identical).toBe(false)
    const words = (word: number): GeneratorState => ({ file: 'r', generator: 'python', value: word, tensors: [] })
    const state = (word: number) => checkpoint([], { generators: [words(word)] })
    expect((await diff(state(1), state(2), { kernel })).state).toMatchObject([{ what: 'rng.python', same: false }])
    expect((await diff(state(1), state(1), { kernel })).identical).toBe(true)
  })

  it('counts parameters that one side lacks, tells progress of it all, and stops when asked', async () => {
    const adam = (...values: number[][]): OptimizerState => ({
      file: 'optimizer.pt',
      groups: [],
      parameters: values.map((each, key) => ({ key, tensors: { exp_avg: floats(`${key}`, each) }, scalars: {} })),
    })
    const a = checkpoint([floats('w', [1])], { optimizers: [adam([1, 2], [3])] })
    const b = checkpoint([floats('w', [1])], { optimizers: [adam([1, 2])] })
    const heard: [number, number, string][] = []
    const report = await diff(a, b, { kernel, onProgress: (...progress) => heard.push(progress) })
    expect(report.state).toContainEqual({
      what: 'optimizer.exp_avg',
      a: '2 tensors',
      b: '1 tensors, 1 of 2 differ',
      same: false,
    })
    expect(heard.at(-1)).toEqual([24, 24, 'optimizer.exp_avg'])
    const abort = new AbortController()
    abort.abort()
    await expect(diff(a, b, { kernel, signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('meets parameters kept by name and by position in the order of the groups, and those of two orders by name', async () => {
    const weights = [floats('w', [1])]
    const moments = { wide: [1, 2, 3], bias: [4], norm: [5] }
    type Name = keyof typeof moments
    const optimizer = (keys: readonly [key: number | string, name: Name][], names?: Name[]): OptimizerState => ({
      file: 'optimizer.pt',
      groups: [{ params: keys.map(([key]) => key), ...(names && { names }), hyper: {} }],
      parameters: keys.map(([key, name]) => ({ key, tensors: { exp_avg: floats(name, moments[name]) }, scalars: {} })),
    })
    const state = async (a: OptimizerState, b: OptimizerState) =>
      (await diff(checkpoint(weights, { optimizers: [a] }), checkpoint(weights, { optimizers: [b] }), { kernel })).state
    const byPosition = optimizer([
      [0, 'wide'],
      [1, 'bias'],
      [2, 'norm'],
    ])
    const byName = optimizer([
      ['wide', 'wide'],
      ['bias', 'bias'],
      ['norm', 'norm'],
    ])
    expect(await state(byPosition, byName)).toEqual([])
    expect(await state(byName, byPosition)).toEqual([])
    const turned: [number, Name][] = [
      [0, 'norm'],
      [1, 'wide'],
      [2, 'bias'],
    ]
    expect(await state(byPosition, optimizer(turned))).toMatchObject([{ what: 'optimizer.exp_avg', same: false }])
    expect(await state(byName, optimizer(turned))).toMatchObject([{ what: 'optimizer.exp_avg', same: false }])
    expect(await state(byName, optimizer(turned, ['norm', 'wide', 'bias']))).toEqual([])
  })
})
