/**
 * Why a tensor's name is dangerous to show or to use as a key, or undefined for a good one: control characters drive
 * terminals, directional marks (Unicode bidi) show another name than there is, `__proto__` replaces an object's prototype in
 * JavaScript readers.
 */
export function oddName(name: string): string | undefined {
  if (name === '__proto__') return 'collides with the prototype of JavaScript objects'
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 'holds control characters'
    if (
      (code >= 0x200b && code <= 0x200f) ||
      (code >= 0x2028 && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069)
    ) {
      return 'holds invisible or direction-changing characters'
    }
    if (code >= 0xd800 && code < 0xe000) {
      if (code >= 0xdc00 || (name.charCodeAt(i + 1) & 0xfc00) !== 0xdc00) return 'is not valid Unicode'
      i++
    }
  }
  return undefined
}
