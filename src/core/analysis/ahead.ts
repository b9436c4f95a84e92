/**
 * What `work` makes of each item, in order, while the next ones are under way already: at most `count` at a time. Ends, by an
 * error or because nobody wants more, only when nothing is under way.
 */
export async function* ahead<Item, Result>(
  items: Iterable<Item>,
  count: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void> {
  const underWay: Promise<Result>[] = []
  try {
    for (const item of items) {
      const started = work(item)
      // whoever awaits it hears of its error; until then nobody has to
      started.catch(() => {})
      underWay.push(started)
      if (underWay.length >= count) yield await (underWay.shift() as Promise<Result>)
    }
    while (underWay.length > 0) yield await (underWay.shift() as Promise<Result>)
  } finally {
    await Promise.allSettled(underWay)
  }
}
