import { type PyDict, PyList, PyObject, PyPersistent, PySet, PyTuple, type PyValue } from './value'

/** A value that holds others. */
export type PyContainer = PyList | PyTuple | PyDict | PySet | PyObject | PyPersistent

/** The value as a container, undefined for a leaf. */
export function containerOf(value: PyValue | undefined): PyContainer | undefined {
  if (value === null || typeof value !== 'object') return undefined
  switch (value.kind) {
    case 'float':
    case 'bytes':
    case 'global':
      return undefined
    default:
      return value
  }
}

/** Everything a container holds: items, keys and values, what was called, its arguments and state. May be its own array. */
export function partsOf(value: PyContainer): readonly PyValue[] {
  if (value instanceof PyList || value instanceof PyTuple || value instanceof PySet) return value.items
  if (value instanceof PyPersistent) return [value.id]
  const parts: PyValue[] = []
  if (value instanceof PyObject) {
    parts.push(value.callable, value.args)
    if (value.kwargs !== undefined) parts.push(value.kwargs)
    if (value.state !== undefined) parts.push(value.state)
    if (value.hasItems) for (const item of value.items) parts.push(item)
    if (!value.hasEntries) return parts
  }
  for (const [key, item] of value.entries) parts.push(key, item)
  return parts
}
