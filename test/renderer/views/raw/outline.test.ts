import { describe, expect, it } from 'vitest'
import type { RawNode } from '../../../../src/contract/schemas'
import type { Client } from '../../../../src/renderer/api/connection'
import { Outline } from '../../../../src/renderer/api/outline'
import { linesOf } from '../../../../src/renderer/views/raw/lines'

/** A dict of `width` dicts of `width` numbers; every call is noted, and fails while `broken` says so. */
function engine(width: number) {
  const asked: { path: number[]; offset: number }[] = []
  const state = { broken: false }
  const nodeAt = (path: readonly number[]): RawNode =>
    path.length < 2
      ? { key: `d${path.at(-1) ?? ''}`, kind: 'dict', text: `${width} entries`, children: width }
      : { key: `n${path.at(-1)}`, kind: 'int', text: '7', children: 0 }
  const raw = async ({ path, offset, limit }: { path: number[]; offset: number; limit: number }) => {
    asked.push({ path, offset })
    if (state.broken) throw new Error('gone')
    const children = Array.from({ length: Math.min(limit, width - offset) }, (_, i) => nodeAt([...path, offset + i]))
    return { node: nodeAt(path), children }
  }
  return { client: { raw } as unknown as Client, asked, state }
}

const shown = (outline: Outline) => linesOf(outline.state(), 'model.pt')

describe('the tree of a pickle', () => {
  it('begins at the root, one level deep, under the name of the file', async () => {
    const outline = new Outline(engine(3).client, 'c1', 'model.pt')
    await outline.more('', 0)
    expect(shown(outline).map(({ label, level, expandable }) => [label, level, expandable])).toEqual([
      ['model.pt', 1, true],
      ['d0', 2, true],
      ['d1', 2, true],
      ['d2', 2, true],
    ])
  })

  it('keeps a line for what has not come, under the key that its node will have', async () => {
    const { client, asked } = engine(500)
    const outline = new Outline(client, 'c1', 'model.pt')
    await outline.more('', 0)
    const last = shown(outline).at(-1)
    expect(last).toMatchObject({ node: null, above: '', key: '200', position: 201, siblings: 500 })
    await outline.more('', 200)
    expect(shown(outline).find(({ key }) => key === '200')?.node?.key).toBe('d200')
    expect(asked).toEqual([
      { path: [], offset: 0 },
      { path: [], offset: 200 },
    ])
  })

  it('asks for a page once, however often it comes into sight', async () => {
    const { client, asked } = engine(500)
    const outline = new Outline(client, 'c1', 'model.pt')
    await Promise.all([outline.more('', 0), outline.more('', 0), outline.more('', 0)])
    expect(asked).toHaveLength(1)
    expect(shown(outline)).toHaveLength(1 + 200 + 1)
  })

  it('opens the way to a node far down and chooses it', async () => {
    const { client, asked } = engine(900)
    const outline = new Outline(client, 'c1', 'model.pt')
    void outline.more('', 0)
    await outline.reveal([750, 3])
    const line = shown(outline).find(({ key }) => key === outline.state().chosen)
    expect(line).toMatchObject({ label: 'n3', level: 3, position: 4, siblings: 900 })
    expect(shown(outline)[line?.parent ?? -1]?.label).toBe('d750')
    expect(asked.map(({ offset }) => offset)).toEqual([0, 200, 0])
  })

  it('says what could not be read, and reads it when asked again', async () => {
    const { client, state } = engine(3)
    const outline = new Outline(client, 'c1', 'model.pt')
    state.broken = true
    await outline.more('', 0)
    expect(outline.state()).toMatchObject({ root: null, failed: { key: '', problem: { title: 'gone' } } })
    state.broken = false
    await outline.more('', 0)
    expect(outline.state().failed).toBeNull()
    expect(shown(outline)).toHaveLength(4)
  })
})
