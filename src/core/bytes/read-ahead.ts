/** Bytes read at a time where small reads follow one another: every open file may keep as many. */
const WINDOW_BYTES = 2 ** 16
/** Longer reads gain nothing from it. */
const SMALL_BYTES = 2 ** 14

/** Fills `target` from a byte offset of the file. */
type Fill = (offset: number, target: Uint8Array) => void

/** Serves small reads that go forward through a file from a window of it: a system call costs more than 64 values do. */
export class ReadAhead {
  #window: Uint8Array | undefined
  /** Byte offsets of the file between which the window is filled. */
  #from = 0
  #to = 0
  /** Where the last read ended. */
  #next = -1

  constructor(
    private readonly size: number,
    private readonly fill: Fill,
  ) {}

  /** Fills `target` from `offset` on, which must lie inside the file. Throws as `fill`. */
  read(offset: number, target: Uint8Array): void {
    const end = offset + target.byteLength
    const forward = offset >= this.#next && offset - this.#next < SMALL_BYTES && this.#next >= 0
    this.#next = end
    const held = offset >= this.#from && end <= this.#to
    if (target.byteLength > SMALL_BYTES || end > this.size || !(held || forward)) {
      this.fill(offset, target)
      return
    }
    if (!held) this.#refill(offset)
    const at = offset - this.#from
    target.set((this.#window as Uint8Array).subarray(at, at + target.byteLength))
  }

  #refill(offset: number): void {
    this.#window ??= new Uint8Array(WINDOW_BYTES)
    this.#to = this.#from
    const length = Math.min(WINDOW_BYTES, this.size - offset)
    this.fill(offset, this.#window.subarray(0, length))
    this.#from = offset
    this.#to = offset + length
  }
}
