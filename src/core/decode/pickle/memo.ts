import type { PyValue } from './value'

/**
 * The memo: any index may be stored, writers count from 0 up. Those are kept in an array, all others in a map. Where it is known
 * which are `asked` for, no others of those that are counted are kept: picklers store what could be shared, and share little of it.
 */
export class Memo {
  private readonly counted: PyValue[] = []
  private readonly kept = new Map<number, PyValue>()
  private readonly sparse = new Map<number, PyValue>()
  private count = 0

  constructor(private readonly asked?: (index: number) => boolean) {}

  /** Entries, as MEMOIZE counts them. */
  get size(): number {
    return this.count + this.sparse.size
  }

  get(index: number): PyValue | undefined {
    if (index >= this.count) return this.sparse.get(index)
    return this.asked ? this.kept.get(index) : this.counted[index]
  }

  set(index: number, value: PyValue): void {
    if (index > this.count || index < 0) {
      this.sparse.set(index, value)
      return
    }
    if (index === this.count) {
      this.count++
      if (this.sparse.size > 0) this.sparse.delete(index)
    }
    if (!this.asked) this.counted[index] = value
    else if (this.asked(index)) this.kept.set(index, value)
  }
}
