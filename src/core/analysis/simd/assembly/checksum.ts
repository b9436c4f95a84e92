// A checksum to find equal bytes by, at the speed of memory. It is no digest: whoever wants to can make two that agree.

/** Odd words without a pattern: the fraction of the golden ratio, and of the square roots of 2, 3 and 5. */
@inline
function first(): v128 {
  return i64x2(0x9e3779b97f4a7c15, 0x6a09e667f3bcc909)
}
@inline
function second(): v128 {
  return i64x2(0xbb67ae8584caa73b, 0x3c6ef372fe94f82b)
}

export function checksumBegin(state: usize): void {
  v128.store(state, first())
  v128.store(state, second(), 16)
}

/**
 * Goes on over n bytes, a multiple of 32. Of each 32, mixed with the state, 32-bit words of the first half are multiplied by
 * those of the second; the products and the state, its halves exchanged, add up to the next.
 */
export function checksum(a: usize, n: i32, state: usize): void {
  let s = v128.load(state)
  let t = v128.load(state, 16)
  for (const end = a + usize(n); a < end; a += 32) {
    const x = v128.xor(v128.load(a), s)
    const y = v128.xor(v128.load(a, 16), t)
    s = i64x2.add(i64x2.add(exchanged(s), first()), i64x2.extmul_low_i32x4_u(x, y))
    t = i64x2.add(i64x2.add(exchanged(t), second()), i64x2.extmul_high_i32x4_u(x, y))
  }
  v128.store(state, s)
  v128.store(state, t, 16)
}

@inline
function exchanged(x: v128): v128 {
  return i32x4.shuffle(x, x, 1, 0, 3, 2)
}
