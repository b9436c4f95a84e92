import type { PyValue } from './value'

/** The memo: any index may be stored, writers count from 0 up. Those are kept in an array, all others in a map. */
export class Memo {
  private readonly counted: PyValue[] = []
  private readonly sparse = new Map<number, PyValue>()

  /** Entries, as MEMOIZE counts them. */
  get size(): number {
    return this.counted.length + this.sparse.size
  }

  get(index: number): PyValue | undefined {
    return index < this.counted.length ? this.counted[index] : this.sparse.get(index)
  }

  set(index: number, value: PyValue): void {
    if (index < this.counted.length && index >= 0) this.counted[index] = value
    else if (index === this.counted.length) {
      this.counted.push(value)
      if (this.sparse.size > 0) this.sparse.delete(index)
    } else this.sparse.set(index, value)
  }
}
