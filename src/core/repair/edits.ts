import { globFilter } from '../checkpoint/glob'
import type { Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'

/** What an export changes of the list of tensors. Keep and drop look at the names as they are in the checkpoint. */
export interface Edits {
  /** Globs: only tensors that one of them fits. */
  readonly keep?: readonly string[] | undefined
  /** Globs: no tensor that one of them fits. */
  readonly drop?: readonly string[] | undefined
  /** Taken from the front of every name that has it. */
  readonly stripPrefix?: string | undefined
  /** Regular expressions over what is then the name, one after another; `$1` stands for a group. */
  readonly rename?: readonly { readonly pattern: string; readonly to: string }[] | undefined
  /** Put in front of every name, last. */
  readonly addPrefix?: string | undefined
}

/** The tensors that are kept, each with its new name, and those that are dropped. */
export interface Edited {
  readonly kept: Map<Tensor, string>
  readonly dropped: readonly Tensor[]
}

/**
 * Works out names; nothing is read. Throws `usage` for a pattern that is no regular expression, for a prefix that no name has and for
 * a glob that fits none: most likely it was misspelt.
 */
export function edited(tensors: readonly Tensor[], edits: Edits): Edited {
  const { keep = [], drop = [] } = edits
  const fits = (globs: readonly string[]) => globs.map((glob) => ({ glob, filter: globFilter(glob) }))
  for (const { glob, filter } of [...fits(keep), ...fits(drop)]) {
    if (!tensors.some(({ name }) => filter(name))) throw new AssayError('usage', `No tensor is called like ${glob}`)
  }
  const rename = renamer(tensors, edits)
  const kept = new Map<Tensor, string>()
  const dropped: Tensor[] = []
  const [kinds, unwanted] = [fits(keep), fits(drop)]
  for (const tensor of tensors) {
    const fitsOne = (list: typeof kinds) => list.some(({ filter }) => filter(tensor.name))
    if ((kinds.length > 0 && !fitsOne(kinds)) || fitsOne(unwanted)) dropped.push(tensor)
    else kept.set(tensor, rename(tensor.name))
  }
  return { kept, dropped }
}

function renamer(tensors: readonly Tensor[], edits: Edits): (name: string) => string {
  const { stripPrefix: strip = '', addPrefix: add = '', rename = [] } = edits
  if (strip !== '' && !tensors.some(({ name }) => name.startsWith(strip)))
    throw new AssayError('usage', `No name begins with ${strip}`)
  const steps = rename.map(({ pattern, to }) => ({ expression: expressionOf(pattern), to }))
  return (name) => {
    const inner = name.startsWith(strip) ? name.slice(strip.length) : name
    return add + steps.reduce((sofar, { expression, to }) => sofar.replace(expression, to), inner)
  }
}

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'gu')
  } catch (error) {
    throw new AssayError('usage', `${pattern} is no regular expression`, { cause: error })
  }
}

/**
 * Throws `target/duplicate-name`, naming both, when two tensors of one file would have one name: a reader would keep only one
 * of them.
 */
export function refuseCollisions(group: readonly (readonly [tensor: Tensor, name: string])[]): void {
  const owners = new Map<string, Tensor>()
  for (const [tensor, name] of group) {
    const other = owners.get(name)
    if (other)
      throw new AssayError('target/duplicate-name', `${other.name} and ${tensor.name} would both be called ${name}`, {
        hint: 'Nothing was written. Change the pattern, or drop one of them.',
      })
    owners.set(name, tensor)
  }
}
