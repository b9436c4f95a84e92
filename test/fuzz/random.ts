/** A sequence of numbers that depends on its two seeds alone (mulberry32), so that input 4711 of seed 1 can be made again. */
export class Random {
  private state: number

  constructor(seed: number, number: number) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35)
  }

  uint32(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }

  /** An integer from 0 up to, not including, `limit`; 0 where the limit is below 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * Math.max(limit, 0))
  }

  chance(probability: number): boolean {
    return this.uint32() / 2 ** 32 < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item
  }
}
