import type { Comparison, ComparisonOptions } from './kernel'

/** What a comparison is made of: of parts of two tensors they add up to those of the whole. */
export interface PairSums {
  count: number
  changed: number
  nonFinite: number
  becameNan: number
  wasNan: number
  beyond: number
  maxUlp: number
  maxAbs: number
  /** Of |b - a|, (b - a)², a², b² and a b, over pairs where both are finite. */
  abs: number
  square: number
  a: number
  b: number
  dot: number
}

export function newPairSums(): PairSums {
  return {
    count: 0,
    changed: 0,
    nonFinite: 0,
    becameNan: 0,
    wasNan: 0,
    beyond: 0,
    maxUlp: 0,
    maxAbs: 0,
    abs: 0,
    square: 0,
    a: 0,
    b: 0,
    dot: 0,
  }
}

/** Adds those of another part. */
export function addPairSums(into: PairSums, part: PairSums): void {
  into.count += part.count
  into.changed += part.changed
  into.nonFinite += part.nonFinite
  into.becameNan += part.becameNan
  into.wasNan += part.wasNan
  into.beyond += part.beyond
  into.maxUlp = Math.max(into.maxUlp, part.maxUlp)
  into.maxAbs = Math.max(into.maxAbs, part.maxAbs)
  into.abs += part.abs
  into.square += part.square
  into.a += part.a
  into.b += part.b
  into.dot += part.dot
}

/** `ulp`: whether distances in representable values were measured. */
export function comparisonFrom(sums: PairSums, { tolerance, ulp = false }: ComparisonOptions): Comparison {
  const { count, changed, nonFinite, becameNan, wasNan, beyond, maxUlp, maxAbs } = sums
  const pairs = count - nonFinite
  const lengths = Math.sqrt(sums.a) * Math.sqrt(sums.b)
  return {
    count,
    changed,
    maxAbs,
    meanAbs: pairs === 0 ? 0 : sums.abs / pairs,
    rms: pairs === 0 ? 0 : Math.sqrt(sums.square / pairs),
    relL2: sums.square === 0 ? 0 : sums.a === 0 ? null : Math.sqrt(sums.square) / Math.sqrt(sums.a),
    cosine: lengths === 0 ? null : Math.max(-1, Math.min(1, sums.square === 0 ? 1 : sums.dot / lengths)),
    nonFinite,
    becameNan,
    wasNan,
    beyond: tolerance ? beyond : null,
    maxUlp: ulp ? maxUlp : null,
  }
}
