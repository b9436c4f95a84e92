/**
 * A shape as people type it: `1280, 128, 3`, `1280x128x3`, `[1280, 128, 3]`.
 * @returns undefined when it is none
 */
export function parseShape(text: string): number[] | undefined {
  const parts = text
    .replace(/^\s*[[(]|[\])]\s*$/g, '')
    .split(/[\s,x×*]+/i)
    .filter(Boolean)
  const shape = parts.map(Number)
  return shape.length > 0 && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) ? shape : undefined
}
