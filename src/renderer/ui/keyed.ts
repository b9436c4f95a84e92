/** Items that have no identity but their place, each with that place as its key. For lists that never change order. */
export function keyed<Item>(items: readonly Item[]): { key: string; item: Item }[] {
  return Object.entries(items).map(([key, item]) => ({ key, item }))
}
