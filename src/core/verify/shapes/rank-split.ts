/** A parameter that may lie in the same flat parameter. */
export interface Neighbour {
  readonly name: string
  readonly numel: number
}

/** A way to read a piece of a flat parameter: so many ranks share so many values, of these parameters. */
export interface Split {
  readonly ranks: number
  /** Neighbours whose values are in the flat parameter as well. */
  readonly swallowed: readonly string[]
  /** Values of the whole flat parameter. */
  readonly total: number
}

const MOST_RANKS = 1024
/** Subsets of the neighbours are tried up to this many of them; beyond it only those that follow one another. */
const MOST_NEIGHBOURS = 8

/**
 * Every way in which `numel` values are one rank's equal part of `expected` values and of some of the neighbours':
 * FSDP1 joins the parameters of a unit, pads the result to a multiple of the ranks and cuts it (formats: shard =
 * ceil(total / ranks)). One way for each number of ranks, with the fewest neighbours, fewest first.
 */
export function splitsOf(numel: number, expected: number, neighbours: readonly Neighbour[]): Split[] {
  const byRanks = new Map<number, Split>()
  for (const members of subsets(neighbours)) {
    const total = members.reduce((sum, each) => sum + each.numel, expected)
    const ranks = Math.round(total / numel)
    if (ranks < 2 || ranks > MOST_RANKS || Math.ceil(total / ranks) !== numel) continue
    if (!byRanks.has(ranks)) byRanks.set(ranks, { ranks, swallowed: members.map(({ name }) => name), total })
  }
  return [...byRanks.values()].sort((a, b) => a.swallowed.length - b.swallowed.length || a.ranks - b.ranks)
}

/** The number of ranks that explains most tensors, and of those the one that needs the fewest neighbours. */
export function agreedRanks(splits: readonly (readonly Split[])[], known?: number): number | undefined {
  const votes = new Map<number, { tensors: number; swallowed: number }>()
  for (const split of splits.flat()) {
    const vote = votes.get(split.ranks) ?? { tensors: 0, swallowed: 0 }
    votes.set(split.ranks, { tensors: vote.tensors + 1, swallowed: vote.swallowed + split.swallowed.length })
  }
  const bonus = (ranks: number) => (ranks === known ? 1 : 0)
  const order = [...votes].sort(
    ([a, left], [b, right]) =>
      right.tensors - left.tensors || bonus(b) - bonus(a) || left.swallowed - right.swallowed || a - b,
  )
  return order[0]?.[0]
}

/** Subsets of the neighbours, smaller ones first. */
function subsets(neighbours: readonly Neighbour[]): Neighbour[][] {
  if (neighbours.length > MOST_NEIGHBOURS)
    return neighbours.map((_, i) => neighbours.slice(0, i)).concat([[...neighbours]])
  const all = Array.from({ length: 2 ** neighbours.length }, (_, bits) => neighbours.filter((_, i) => (bits >> i) & 1))
  return all.sort((a, b) => a.length - b.length)
}
