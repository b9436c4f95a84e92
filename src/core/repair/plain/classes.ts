import { canonicalPath, type GlobalVerdict, verdictOf } from '../../decode/pickle/globals'
import { PyGlobal, PyObject, PyPersistent, type PyValue, sequenceOf } from '../../decode/pickle/value'

/** The class or function that a call is of, as Python 3 spells it, and what importing it can do. */
export interface Called {
  readonly path: string
  readonly verdict: GlobalVerdict
}

/**
 * What is called: a global; a class inside a class, which protocol 2 asks for by `getattr`; the class of a module, which the
 * legacy stream names by a persistent id with its source (torch/serialization.py, `_legacy_save`). Undefined for anything else.
 */
export function calledBy(callable: PyValue): Called | undefined {
  if (callable instanceof PyGlobal) {
    const { module, name } = callable
    return { path: canonicalPath(module, name), verdict: verdictOf(module, name) }
  }
  if (callable instanceof PyPersistent) {
    const [kind, type] = sequenceOf(callable.id) ?? []
    return kind === 'module' && type instanceof PyGlobal ? calledBy(type) : undefined
  }
  if (!(callable instanceof PyObject) || calledBy(callable.callable)?.path !== 'builtins.getattr') return undefined
  const [outer, name] = sequenceOf(callable.args) ?? []
  if (!(outer instanceof PyGlobal) || typeof name !== 'string') return undefined
  return { path: `${outer.path}.${name}`, verdict: verdictOf(outer.module, `${outer.name}.${name}`) }
}

/** Whether a path ends in what Python calls a class: functions begin with a small letter. */
export function isClassName(path: string): boolean {
  return /^_*[A-Z]/.test(path.slice(path.lastIndexOf('.') + 1))
}
