import { describe, expect, it } from 'vitest'
import { ahead } from '../../../src/core/analysis/ahead'

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('working ahead', () => {
  it('gives results in order, and has no more than so many under way', async () => {
    let [now, most] = [0, 0]
    const results: number[] = []
    for await (const result of ahead([5, 1, 3, 0, 2], 3, async (ms) => {
      most = Math.max(most, ++now)
      await soon(ms)
      now--
      return ms
    }))
      results.push(result)
    expect(results).toEqual([5, 1, 3, 0, 2])
    expect(most).toBe(3)
  })

  it('fails only when nothing is under way any more', async () => {
    let now = 0
    const failing = async () => {
      for await (const _ of ahead([1, 2, 3], 3, async (n) => {
        now++
        await soon(n * 5)
        now--
        if (n === 1) throw new Error('no')
      }));
    }
    await expect(failing()).rejects.toThrow('no')
    expect(now).toBe(0)
  })
})
