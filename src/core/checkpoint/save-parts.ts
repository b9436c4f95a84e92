import { baseName, parentOf } from '../bytes/folder'
import { AssayError } from '../errors'
import { filesLike, listingOfFolder } from './listing'

/** Names that trainers give to the checkpoints of a run, with the number that orders them. */
export const NUMBERED = /(?:^|[-_.])(?:checkpoint|ckpt|epoch|step|iter|global_?step)[-_=]?(\d+)/i
/** Those of them whose number counts optimizer steps; Accelerate's `checkpoint_2` counts saves. */
export const STEPPED = /(?:^|[-_.])(?:checkpoint-|step[-_=]?|global_?step[-_=]?|iter[-_=]?)(\d+)/i
/** Pieces of one model: by rank, layer, expert or shard. */
export const PIECE =
  /(^|[-_.])(rank|shard|part|piece|layer|expert|consolidated|mp|tp|pp|zero|[a-z]*states)([-_.]?\d|[-_.]|$)|\d-of-\d/i
/** What lies beside a model, in files of its own. */
export const PART =
  /(^|[-_.])(optim(izer)?|(lr_?)?sched(uler)?|scaler|rng|random|sampler)([-_.]|\d|$)|^(training|trainer|recipe|train)_/i
const ENDING = /\.(safetensors|bin|ckpt|pt|pth|pth\.tar)$/i

/**
 * Of the files of one folder those that belong to another, by its name: `optimizer_100.pt` to `model_100.pt`, which has the same number
 * or word and is the only model that does. What has none, or is a piece of a larger whole, belongs to no save in particular.
 */
export function partsOfSaves(names: readonly string[]): Map<string, string[]> {
  const saves = new Map<string, { readonly models: string[]; readonly parts: string[] }>()
  for (const name of names) {
    const mark = ENDING.test(name) && !PIECE.test(name) ? markOf(name) : ''
    if (mark === '') continue
    const save = saves.get(mark) ?? { models: [], parts: [] }
    saves.set(mark, save)
    ;(PART.test(name) ? save.parts : save.models).push(name)
  }
  const whole = [...saves.values()].flatMap(({ models: [model, ...others], parts }) =>
    model !== undefined && others.length === 0 && parts.length > 0 ? [[model, parts] as const] : [],
  )
  return new Map(whole)
}

/** The files that belong to the one at a path. Opens none; where the folder may not be listed there are none. */
export function partsBeside(path: string): string[] {
  const name = baseName(path)
  if (!ENDING.test(name) || PIECE.test(name) || PART.test(name) || markOf(name) === '') return []
  try {
    return partsOfSaves(filesLike(listingOfFolder(parentOf(path)), ENDING)).get(name) ?? []
  } catch (error) {
    if (error instanceof AssayError) return []
    throw error
  }
}

/** The pieces of a file's name. */
export function wordsOf(name: string): string[] {
  return name
    .replace(ENDING, '')
    .split(/[-_.=\s]+/)
    .filter((word) => word !== '')
}

/** The number that orders a name among its like: of steps, or else of epochs, or else the last one in it. */
export function numberOf(name: string): number | undefined {
  const match = STEPPED.exec(name) ?? NUMBERED.exec(name)
  const text = match?.[1] ?? wordsOf(name).findLast((word) => /^\d+(epochs?|ep|steps?|iters?|it|k)?$/i.test(word))
  return text === undefined ? undefined : Number.parseInt(text, 10)
}

/** What tells a save from the others: its number, and words such as `best`. Empty where there is neither. */
function markOf(name: string): string {
  const words = wordsOf(name).filter((word) => /^(best|last|latest|final)$/i.test(word))
  return [numberOf(name) ?? '', ...words].join(' ').trim().toLowerCase()
}
