import { beginsLikePickle } from './calls'
import { integerOfBytes } from './numbers'
import type { PickleState } from './state'
import { latin1, utf8 } from './text'
import { PyBytes, PyFloat } from './value'

/** Digits an int may have in text, and bytes it may have in binary. */
const INT_DIGITS = 20_000
const INT_BYTES = 8192
/** Beyond it a memo index is not counted in a number. */
const MEMO_INDEX = 2 ** 48
/** V8 refuses longer strings (2^29 - 24 characters). */
const TEXT_BYTES = 1 << 28

/** A line that holds a number, empty when it is too long to be one. */
export function numberLine(s: PickleState): string {
  return s.end - s.start > INT_DIGITS ? '' : latin1(s.bytes, s.start, s.end).trim()
}

/** A line that holds a text. */
export function lineOf(s: PickleState): string {
  if (s.end - s.start > TEXT_BYTES) s.explode(`holds a text of ${s.end - s.start} bytes`)
  s.charge(32 + s.end - s.start)
  return latin1(s.bytes, s.start, s.end)
}

/** Text of the bytes [start, end): UTF-8, or what is there as latin-1 when it is none. */
export function textOf(s: PickleState, start: number, end: number): string {
  if (end - start > TEXT_BYTES) s.explode(`holds a text of ${end - start} bytes`)
  const text = utf8(s.bytes, start, end)
  if (text === undefined) s.trouble('holds a text that is not UTF-8')
  return text ?? latin1(s.bytes, start, end)
}

/** The text that the argument is. */
export function pushText(s: PickleState): void {
  s.charge(32 + s.end - s.start)
  s.push(textOf(s, s.start, s.end))
}

/** The bytes that the argument is. */
export function pushBytes(s: PickleState): void {
  s.charge(64)
  s.push(embeddable(s, new PyBytes(s.bytes.subarray(s.start, s.end))))
}

/** Python 2's str: text where it is UTF-8, bytes otherwise. */
export function pushOldString(s: PickleState, bytes: Uint8Array): void {
  s.charge(32 + bytes.length)
  const text = bytes.length > TEXT_BYTES ? undefined : utf8(bytes, 0, bytes.length)
  const value = embeddable(s, new PyBytes(bytes))
  s.push(text ?? value)
}

/** Notes bytes that begin like a pickle, and gives them back. */
export function embeddable(s: PickleState, value: PyBytes): PyBytes {
  if (beginsLikePickle(value.bytes)) s.embed(value.bytes, false)
  return value
}

/** An int, or 0 and a trouble where there was none. */
export function pushInteger(s: PickleState, value: number | bigint | undefined): void {
  if (value === undefined) s.trouble('holds an int that is no number, or one of absurd length')
  s.push(value ?? 0)
}

/** The int in the bytes of LONG1 and LONG4. */
export function pushLong(s: PickleState): void {
  const length = s.end - s.start
  s.charge(16)
  if (length <= INT_BYTES) s.push(integerOfBytes(s.bytes, s.start, s.end))
  else {
    s.note('file/resource-bomb', `holds an int of ${length} bytes`)
    s.push(0)
  }
}

/** A float. */
export function pushFloat(s: PickleState, value: number): void {
  s.charge(24)
  s.push(new PyFloat(value))
}

/** The memo index in a line of digits, -1 when it is none. Read by hand: protocol 0 has one behind most values. */
export function indexOf(s: PickleState): number {
  let index = 0
  for (let i = s.start; i < s.end; i++) {
    const digit = (s.bytes[i] as number) - 48
    if (digit >= 0 && digit <= 9 && index <= MEMO_INDEX) index = index * 10 + digit
    else if (digit !== -35 || i !== s.end - 1) return noIndex(s)
  }
  return s.end > s.start ? index : noIndex(s)
}

function noIndex(s: PickleState): number {
  s.trouble('has a memo index that is no number')
  return -1
}
