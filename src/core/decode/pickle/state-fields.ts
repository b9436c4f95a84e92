import { PyDict, PyTuple, type PyValue } from './value'

/** BUILD's fields: a dict, or Python's pair of a dict (or None) and slots. Undefined for any other state. */
export function stateFields(state: PyValue | undefined): ReadonlyMap<PyValue, PyValue> | undefined {
  if (state instanceof PyDict) return state.entries
  if (!(state instanceof PyTuple) || state.items.length !== 2) return undefined
  const [fields, slots] = state.items
  if (!(slots instanceof PyDict) || (fields !== null && !(fields instanceof PyDict))) return undefined
  return new Map([...(fields?.entries ?? []), ...slots.entries])
}
