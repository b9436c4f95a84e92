import type { ByteSource } from '../../bytes/source'
import { type DType, isComplex, itemSize } from '../dtype'

/**
 * The bytes of a storage with signs turned: those of imaginary halves for `conjugate`, those of all parts for `negate`, and
 * so of the real halves alone for both. torch leaves such a conjugate lazy and notes it in the pickle. `start` is the byte
 * offset in `source` at which elements of `dtype` begin.
 */
export function turnedSigns(
  source: ByteSource,
  start: number,
  dtype: DType,
  how: { readonly conjugate?: boolean; readonly negate?: boolean; readonly bigEndian?: boolean },
): ByteSource {
  const item = itemSize(dtype)
  const parts = isComplex(dtype) ? 2 : 1
  const part = item / parts
  const turned = new Set<number>()
  for (let i = 0; i < parts; i++) {
    const imaginary = i === 1
    if ((how.negate === true) === (imaginary && how.conjugate === true)) continue
    turned.add(how.bigEndian ? i * part : (i + 1) * part - 1)
  }
  return {
    name: source.name,
    size: source.size,
    async read(offset, target) {
      await source.read(offset, target)
      for (const byte of turned) {
        const first = (((start + byte - offset) % item) + item) % item
        for (let i = first; i < target.length; i += item) target[i] = (target[i] as number) ^ 0x80
      }
    },
    close: () => source.close(),
  }
}
