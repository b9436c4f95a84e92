import { quote } from '../decode/report'
import type { SafetensorsEntry } from './safetensors'

/** What a damaged header leaves open about a tensor. */
export interface EntryDoubt {
  /** Why its values cannot be taken as they are listed, without a subject. */
  readonly why: string
  /** The places that its values may be at; none where nothing tells. */
  readonly readings: readonly EntryReading[]
}

/** One way to read a tensor. `sure`: all else that the header says speaks for it. */
export interface EntryReading extends Pick<SafetensorsEntry, 'shape' | 'dtype' | 'begin' | 'end'> {
  /** What a user calls it. */
  readonly id: string
  readonly evidence: string
  readonly sure: boolean
}

/** A tensor whose values are contiguous bytes [begin, end) of the data, the end left out. */
type Placed = Pick<SafetensorsEntry, 'name' | 'dtype' | 'shape' | 'begin' | 'end'>

/** Overlaps and names given twice beyond so many are no slip in a header: each is told, none is looked into. */
const MOST_OVERLAPS = 256
const MOST_LOOKS = 2 ** 22

/**
 * The tensors, sorted by place, that share bytes with another, and where else they may be. A writer leaves no holes
 * (huggingface/safetensors, `prepare`): where one tensor fits the only hole and all else then fits, that is its place. Two of
 * one place, dtype and shape without a hole for either are one tensor under two names, and no doubt. `available`: bytes of data
 * in the file.
 */
export function overlapDoubts(entries: readonly Placed[], available: number): Map<Placed, EntryDoubt> {
  const pairs = overlapsIn(entries)
  if (pairs.length > MOST_OVERLAPS || pairs.length * entries.length > MOST_LOOKS) return allDoubted(pairs)
  const without = (entry: Placed) => entries.filter((each) => each !== entry)
  const roomsFor = (entry: Placed) =>
    holesIn(without(entry), available).filter((hole) => hole.begin !== entry.begin && sizeOf(hole) === sizeOf(entry))
  const open = pairs.filter(([a, b]) => !isTwin(a, b) || roomsFor(a).length > 0)
  const doubted = new Map(open.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]))
  const sure = [...doubted.keys()].flatMap((entry) => {
    const [room] = roomsFor(entry)
    const isOnly = holesIn(without(entry), available).length === 1 && overlapsIn(without(entry)).length === 0
    return room && isOnly && lastOf(entries) <= available ? [{ entry, room }] : []
  })
  const [mover] = sure
  if (mover && sure.length === 1) {
    const { entry, room } = mover
    const evidence =
      'No other tensor claims a byte of it, and with the tensor there the data has neither overlap nor hole'
    const reading = readingOf({ ...entry, ...room }, 0, evidence, true)
    return new Map([[entry, { why: whyOf(entry, doubted.get(entry) as Placed), readings: [reading] }]])
  }
  return new Map(
    [...doubted].map(([entry, other]) => {
      const listed = readingOf(entry, 0, `The header says so, but ${quote(other.name)} claims bytes of it too`)
      const moved = roomsFor(entry).map((room, i) =>
        readingOf({ ...entry, ...room }, i + 1, 'No other tensor claims a byte of it, and it is of the right size'),
      )
      return [entry, { why: whyOf(entry, other), readings: [listed, ...moved] }]
    }),
  )
}

/**
 * The tensors that are named several times, unless all say the same, and the places that they are given. `claims`: all that is said of
 * each, the tensor itself first. `entries`: all that the file has.
 */
export function duplicateDoubts(
  claims: ReadonlyMap<Placed, readonly Placed[]>,
  entries: readonly Placed[],
): Map<Placed, EntryDoubt> {
  const isMany = claims.size * entries.length > MOST_LOOKS
  return new Map(
    [...claims].flatMap(([entry, all]) => {
      const told = new Map(all.map((claim) => [`${claim.begin} ${claim.end} ${claim.dtype} ${claim.shape}`, claim]))
      if (told.size < 2) return []
      const why = `the header names it with ${told.size} places or shapes`
      return [[entry, { why, readings: isMany ? [] : claimsOf([...told.values()], entries) }] as const]
    }),
  )
}

function claimsOf(claims: readonly Placed[], entries: readonly Placed[]): EntryReading[] {
  return claims.map((claim, i) => {
    const other = entries.find(
      (each) => each.name !== claim.name && each.begin < claim.end && claim.begin < each.end && each.begin < each.end,
    )
    const evidence = other ? `${quote(other.name)} claims bytes of it too` : 'No other tensor claims a byte of it'
    return readingOf(claim, i, evidence)
  })
}

/**
 * The doubt about a tensor whose shape takes other than its bytes, listed as the values that the bytes are. `next`: where the next
 * tensor or the end of the data is; the one reading that there may be is the shape, where so many bytes lie before it.
 */
export function sizeDoubt(flat: Placed, shape: readonly number[], takes: number, next: number): EntryDoubt {
  const why = `its shape [${shape.join(', ')}] takes ${takes} bytes, and it has ${sizeOf(flat)}`
  if (flat.begin + takes !== next) return { why, readings: [] }
  const evidence = 'As many bytes as its shape takes lie between its beginning and the next tensor'
  return { why, readings: [readingOf({ ...flat, shape, end: next }, 0, evidence, true)] }
}

interface Hole {
  readonly begin: number
  readonly end: number
}

/** Pairs of tensors, sorted by place, that share bytes: each with the one before it that reaches furthest. */
function overlapsIn(entries: readonly Placed[]): [Placed, Placed][] {
  const pairs: [Placed, Placed][] = []
  let furthest: Placed | undefined
  for (const entry of entries) {
    if (furthest && entry.begin < furthest.end && entry.begin < entry.end) pairs.push([furthest, entry])
    if (!furthest || entry.end > furthest.end) furthest = entry
  }
  return pairs
}

function holesIn(entries: readonly Placed[], available: number): Hole[] {
  const holes: Hole[] = []
  let end = 0
  for (const entry of entries) {
    if (entry.begin > end) holes.push({ begin: end, end: entry.begin })
    end = Math.max(end, entry.end)
  }
  if (end < available) holes.push({ begin: end, end: available })
  return holes
}

function lastOf(entries: readonly Placed[]): number {
  return entries.reduce((end, each) => Math.max(end, each.end), 0)
}

function isTwin(a: Placed, b: Placed): boolean {
  return a.begin === b.begin && a.end === b.end && a.dtype === b.dtype && a.shape.join() === b.shape.join()
}

function allDoubted(pairs: readonly [Placed, Placed][]): Map<Placed, EntryDoubt> {
  return new Map(
    pairs.flatMap(([a, b]) => [
      [a, { why: whyOf(a, b), readings: [] }] as const,
      [b, { why: whyOf(b, a), readings: [] }] as const,
    ]),
  )
}

function whyOf(entry: Placed, other: Placed): string {
  const shared = Math.min(entry.end, other.end) - Math.max(entry.begin, other.begin)
  return `it shares ${shared} bytes with ${quote(other.name)}`
}

function readingOf(
  { dtype, shape, begin, end }: Omit<Placed, 'name'>,
  i: number,
  evidence: string,
  sure = false,
): EntryReading {
  return { id: `place-${i + 1}`, evidence, sure, dtype, shape, begin, end }
}

function sizeOf({ begin, end }: Hole): number {
  return end - begin
}
