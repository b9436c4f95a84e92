import { joinPath, realPath } from '../bytes/folder'
import { AssayError } from '../errors'
import { filesLike, foldersLike, type Listing } from './listing'
import { NUMBERED, numberOf, PART, PIECE, partsOfSaves, STEPPED, wordsOf } from './save-parts'

/** One checkpoint of a run, by its name alone. */
export interface Listed {
  readonly path: string
  readonly name: string
  /** Optimizer steps, where the name counts them. */
  readonly step?: number
  /** Folder of the run that it is of, where a path holds runs below it; relative to that path. */
  readonly run?: string
}

/** The Trainer's name for a save under way: no checkpoint of the run yet. */
const STAGING = /^tmp-/
export const STATE_FILE = /\.(ckpt|pt|pth|pth\.tar)$/i

/** Words of a name that tell one save from another, alone or with a number: `last`, `epoch=3`, `10k`, Lightning's `-v1`. */
const SAVE_WORD =
  /^(best|last|latest|final|(epochs?|ep|steps?|iter|iters|iteration|it|v)\d*|\d+(epochs?|ep|steps?|iters?|it|k))$/i
/** Words that every save of a run, and every other model, may have in its name; and what a save may be measured by. */
const NEUTRAL =
  /^(checkpoints?\d*|ckpts?\d*|model|weights|net|global|val|valid|validation|eval|train|loss|acc|accuracy|score)$/i

/** Folders, or else files, that are named as the checkpoints of a run; the oldest first. Empty where there is no such run. */
export function savesIn(listing: Listing): Listed[] {
  const folders = foldersLike(listing, NUMBERED)
  const whole = folders.filter((name) => !STAGING.test(name))
  const names = whole.length > 0 ? whole : folders.length > 0 ? folders : savedFiles(listing)
  return names
    .map((name) => ({ name, order: orderOf(name), step: STEPPED.exec(name)?.[1] }))
    .sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1))
    .map(({ name, step }) => ({
      path: joinPath(listing.root, name),
      name,
      ...(step !== undefined && { step: Number(step) }),
    }))
}

/**
 * Files that are each a checkpoint of their own, or the model of one, by their names: those that differ only in a number or a word such
 * as `best` and `last`. None where the files are parts of one checkpoint, where there is only one, or where the names do not tell.
 */
function savedFiles(listing: Listing): string[] {
  const all = filesLike(listing, /./)
  const parts = partsOfSaves(all)
  const belonging = new Set([...parts.values()].flat())
  const states = all.filter((name) => STATE_FILE.test(name) || parts.has(name))
  const models = states.filter((name) => !belonging.has(name))
  const numbered = models.filter((name) => NUMBERED.test(name))
  const many = new Set(numbered.map(orderOf)).size > 1
  const files = many || parts.size > 1 ? models : states
  if (!many && files.some((name) => PIECE.test(name) || PART.test(name))) return []
  const candidates = many ? files : files.filter((name) => !PART.test(name))
  const stems = many ? new Set(numbered.map(stemOf)) : stemsOfSaves(candidates)
  const saves = candidates.filter((name) => stemOf(name) === '' || stems.has(stemOf(name)))
  if (saves.length < 2 || !saves.some(isMarked) || countFromZero(saves)) return []
  return withoutLinks(listing, saves)
}

/** What names of saves have in common; of several models in one folder, those with more than one save. */
function stemsOfSaves(names: readonly string[]): Set<string> {
  const stems = names.filter(isMarked).map(stemOf)
  const distinct = new Set(stems.filter((stem) => stem !== ''))
  if (distinct.size <= 1) return distinct
  return new Set([...distinct].filter((stem) => stems.indexOf(stem) !== stems.lastIndexOf(stem)))
}

/** The name without the words that tell one save from another. */
function stemOf(name: string): string {
  return wordsOf(name)
    .filter((word) => !(/^\d+$/.test(word) || SAVE_WORD.test(word) || NEUTRAL.test(word)))
    .join(' ')
}

function isMarked(name: string): boolean {
  return NUMBERED.test(name) || wordsOf(name).some((word) => /^\d+$/.test(word) || SAVE_WORD.test(word))
}

/** `model_0.pt`, `model_1.pt`: as likely the pieces of one model as two saves. */
function countFromZero(names: readonly string[]): boolean {
  if (names.some((name) => NUMBERED.test(name) || wordsOf(name).some((word) => SAVE_WORD.test(word)))) return false
  const numbers = names.map(orderOf).sort((a, b) => a - b)
  return numbers.every((number, i) => number === i)
}

/** Lightning's `save_last="link"` gives the newest checkpoint a second name (lightning 2.6, callbacks/model_checkpoint.py). */
function withoutLinks({ root }: Listing, names: readonly string[]): string[] {
  const place = (name: string) => {
    try {
      return realPath(joinPath(root, name))
    } catch (error) {
      if (error instanceof AssayError) return joinPath(root, name)
      throw error
    }
  }
  const home = place('')
  const known = new Set(names.map((name) => joinPath(home, name)))
  return names.filter((name) => {
    if (numberOf(name) !== undefined) return true
    const real = place(name)
    return real === joinPath(home, name) || !known.has(real)
  })
}

function orderOf(name: string): number {
  return numberOf(name) ?? (/last|latest|final/i.test(name) ? Number.MAX_VALUE : Number.MAX_SAFE_INTEGER)
}
