/** Places named for one thing. */
const MOST_PLACES = 20

/** What became of the objects of a pickle: kept as plain values, or left out. */
export class Notes {
  readonly #became = new Map<string, number>()
  readonly #lost: string[] = []
  readonly #removed = new Map<string, string[]>()

  /** One object of a class became a plain value. */
  became(path: string, kind: string): void {
    const key = `${path} → ${kind}`
    this.#became.set(key, (this.#became.get(key) ?? 0) + 1)
  }

  /** What lies at `where` cannot be kept. */
  lose(where: string, what: string): void {
    this.#lost.push(`${where === '' ? 'the object itself' : where}: ${what}`)
  }

  /** A call at `where` of what runs code, or of what nobody knows, is left out. */
  remove(where: string, path: string): void {
    const places = this.#removed.get(path)
    if (places === undefined) this.#removed.set(path, [where])
    else if (places.length < MOST_PLACES) places.push(where)
  }

  /** `omegaconf.dictconfig.DictConfig → dict (12)`, in the order met. */
  get kept(): string[] {
    return [...this.#became].map(([key, count]) => (count === 1 ? key : `${key} (${count})`))
  }

  /** What is left out although it does no harm: nothing plain stands for it. */
  get lost(): readonly string[] {
    return this.#lost
  }

  /** Dangerous calls that are left out, and where they were. */
  get removed(): string[] {
    return [...this.#removed].map(([path, places]) => {
      const at = places.filter((place) => place !== '')
      return at.length === 0 ? path : `${path} (at ${at.join(', ')})`
    })
  }
}
