/** Items by what `keyOf` says of them, in order. */
export function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

/** What `keyOf` says of each item, and the item; undefined where several have the key. */
export function unique<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item | undefined> {
  const found = new Map<string, Item | undefined>()
  for (const item of items) {
    const key = keyOf(item)
    found.set(key, found.has(key) ? undefined : item)
  }
  return found
}
