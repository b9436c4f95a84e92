/** A value without types of its own, as JSON has it, plus the numbers JSON lacks (NaN, infinities, bigint). */
export type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain }

/** The entries of an object, undefined for anything else. */
export function fieldsOf(value: Plain | undefined): { readonly [key: string]: Plain } | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

/** The number in a value (NaN and infinities included; a bigint loses digits), undefined for anything else. */
export function numberOf(value: Plain | undefined): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'bigint' ? Number(value) : undefined
}
