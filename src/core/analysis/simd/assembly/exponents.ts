// How often which first bits of a pattern occur: of a float, its sign and exponent.

/**
 * Adds n patterns, without their last `drop` bits, to the counts: four words for each, that take turns, so that equal ones in a
 * row do not wait for each other.
 */
@inline
function countPatterns<Pattern>(a: usize, n: i32, drop: u64, counts: usize): void {
  const size = sizeof<Pattern>()
  const end = a + usize(n) * size
  for (const fours = a + usize(n & ~3) * size; a < fours; a += 4 * size) {
    bump<Pattern>(a, drop, counts)
    bump<Pattern>(a + size, drop, counts + 4)
    bump<Pattern>(a + 2 * size, drop, counts + 8)
    bump<Pattern>(a + 3 * size, drop, counts + 12)
  }
  for (; a < end; a += size) bump<Pattern>(a, drop, counts)
}

@inline
function bump<Pattern>(a: usize, drop: u64, counts: usize): void {
  const slot = counts + (usize(u64(load<Pattern>(a)) >> drop) << 4)
  store<u32>(slot, load<u32>(slot) + 1)
}

export function exponentsF32(a: usize, n: i32, counts: usize): void {
  countPatterns<u32>(a, n, 23, counts)
}
export function exponentsF64(a: usize, n: i32, counts: usize): void {
  countPatterns<u64>(a, n, 52, counts)
}
