/** A value without types of its own, as JSON has it, plus the numbers JSON lacks (NaN, infinities, bigint). */
export type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain }
