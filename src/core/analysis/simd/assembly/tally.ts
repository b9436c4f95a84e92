// How often which pattern of 8 or 16 bits occurs: all that there is to say of such values follows from that, exactly.

/** Values that are looked at together. */
const GROUP: i32 = 8

/**
 * Adds n patterns to the counts: two words for each, that take turns, so that equal ones do not wait for each other. A group of
 * equal ones, as in a tensor of zeros, is added at once.
 */
@inline
function tally<Pattern>(a: usize, n: i32, counts: usize): void {
  const size = sizeof<Pattern>()
  const group = size * GROUP
  const end = a + usize(n) * size
  for (const groups = a + usize(n & -GROUP) * size; a < groups; a += group) {
    const x = load<u64>(a)
    let differ = x ^ rotl(x, size << 3)
    if (size == 2) differ |= x ^ load<u64>(a, 8)
    if (differ == 0) {
      count<Pattern>(a, counts, GROUP)
      continue
    }
    count<Pattern>(a, counts, 1)
    count<Pattern>(a + size, counts + 4, 1)
    count<Pattern>(a + 2 * size, counts, 1)
    count<Pattern>(a + 3 * size, counts + 4, 1)
    count<Pattern>(a + 4 * size, counts, 1)
    count<Pattern>(a + 5 * size, counts + 4, 1)
    count<Pattern>(a + 6 * size, counts, 1)
    count<Pattern>(a + 7 * size, counts + 4, 1)
  }
  for (; a < end; a += size) count<Pattern>(a, counts, 1)
}

@inline
function count<Pattern>(a: usize, counts: usize, times: u32): void {
  const slot = counts + (usize(load<Pattern>(a)) << 3)
  store<u32>(slot, load<u32>(slot) + times)
}

export function tally8(a: usize, n: i32, counts: usize): void {
  tally<u8>(a, n, counts)
}
export function tally16(a: usize, n: i32, counts: usize): void {
  tally<u16>(a, n, counts)
}

/** Puts the patterns that occur to `to`, in order, and how often each does, one word now, to where the counts begin. Returns how many. */
@inline
function collect<Pattern>(counts: usize, to: usize): i32 {
  const patterns = 1 << (sizeof<Pattern>() << 3)
  let found = 0
  for (let pattern = 0; pattern < patterns; pattern += 4) {
    const slots = counts + (usize(pattern) << 3)
    if (!v128.any_true(v128.or(v128.load(slots), v128.load(slots, 16)))) continue
    for (let i = 0; i < 4; i++) {
      const slot = slots + (usize(i) << 3)
      const times = load<u32>(slot) + load<u32>(slot, 4)
      if (times == 0) continue
      store<Pattern>(to + usize(found) * sizeof<Pattern>(), <Pattern>(pattern + i))
      store<u32>(counts + (usize(found) << 2), times)
      found++
    }
  }
  return found
}

export function collect8(counts: usize, to: usize): i32 {
  return collect<u8>(counts, to)
}
export function collect16(counts: usize, to: usize): i32 {
  return collect<u16>(counts, to)
}
