import { isEqual } from '../bytes/equal'
import { openFile } from '../bytes/file'
import { joinPath, pathKind } from '../bytes/folder'
import { sha256 } from '../bytes/sha256'
import { readBytes } from '../bytes/source'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { parseJson } from '../decode/json'
import { fieldsOf } from '../decode/plain'
import { AssayError, throwIfAborted } from '../errors'
import { differencesOf, type Facts, putLeaves, type StateDifference } from './state'

/** Beside the weights, of no component, and yet it decides what a model says. */
const GENERATION = 'generation_config.json'
/** A larger file is told by its size alone. */
const LARGEST = 64 << 20
/** Tokens that are named of those that came or went. */
const NAMED = 3

/**
 * What differs between the small files beside the weights of two folders: the tokenizer's, token by token, and the settings of
 * generation. Files of the same bytes are not looked into. A file that cannot be read is told as such; only `cancelled` is thrown.
 */
export async function diffTexts(a: Checkpoint, b: Checkpoint, signal?: AbortSignal): Promise<StateDifference[]> {
  const [inA, inB] = [namesIn(a), namesIn(b)]
  const found: StateDifference[] = []
  for (const name of new Set([...inA, ...inB])) {
    throwIfAborted(signal)
    if (!inA.has(name) || !inB.has(name))
      found.push({ what: name, ...presence(inA.has(name), inB.has(name)), same: false })
    else found.push(...diffFile(name, await bytesOf(a, name), await bytesOf(b, name)))
  }
  return found
}

function presence(a: boolean, b: boolean) {
  return { a: a ? 'present' : null, b: b ? 'present' : null }
}

/** Where one side has no tokenizer at all, that is told once, with the components. */
function namesIn({ path, components }: Checkpoint): Set<string> {
  const tokenizer = components.find(({ id }) => id === 'tokenizer')
  const isThere = pathKind(path) === 'folder' && pathKind(joinPath(path, GENERATION)) === 'file'
  return new Set([...(tokenizer?.files ?? []), ...(isThere ? [GENERATION] : [])])
}

/** Undefined where it cannot be read. */
async function bytesOf({ path }: Checkpoint, name: string): Promise<Uint8Array | undefined> {
  try {
    const source = openFile(joinPath(path, name), name)
    try {
      if (source.size > LARGEST) return new TextEncoder().encode(`${source.size} bytes`)
      return await readBytes(source, 0, source.size)
    } finally {
      source.close()
    }
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

/** Empty where both mean the same in other bytes: other spaces, keys in another order. */
function diffFile(name: string, a: Uint8Array | undefined, b: Uint8Array | undefined): StateDifference[] {
  if (a && b && isEqual(a, b)) return []
  const [left, right] = [jsonIn(name, a), jsonIn(name, b)]
  if (!left || !right) return [{ what: name, a: digestOf(a), b: digestOf(b), same: false }]
  const [inA, inB] = [factsIn(name, left), factsIn(name, right)]
  return [...differencesOf(inA.settings, inB.settings), ...diffTokens(stemOf(name), inA.tokens, inB.tokens)]
}

function digestOf(bytes: Uint8Array | undefined): string {
  if (!bytes) return 'cannot be read'
  const hash = sha256()
  hash.update(bytes)
  return `sha256 ${hash.hex().slice(0, 16)}`
}

type Fields = NonNullable<ReturnType<typeof fieldsOf>>

function jsonIn(name: string, bytes: Uint8Array | undefined): Fields | undefined {
  if (!bytes || !name.endsWith('.json')) return undefined
  try {
    return fieldsOf(parseJson(new TextDecoder().decode(bytes), name))
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

function stemOf(name: string): string {
  return name.replace(/\.json$/, '')
}

/** Settings leaf by leaf; the numbers of tokens apart: a file of its own (GPT-2's vocab.json), or `model.vocab` of tokenizer.json. */
function factsIn(name: string, fields: Fields): { settings: Facts; tokens: Fields } {
  const settings: Facts = new Map()
  if (/(^|\/)(vocab|added_tokens)\.json$/.test(name)) return { settings, tokens: fields }
  const model = fieldsOf(fields.model)
  const tokens = fieldsOf(model?.vocab)
  const rest = tokens ? { ...fields, model: { ...model, vocab: null } } : fields
  putLeaves(settings, stemOf(name), rest)
  return { settings, tokens: tokens ?? {} }
}

function diffTokens(stem: string, a: Fields, b: Fields): StateDifference[] {
  const added = Object.keys(b).filter((token) => !Object.hasOwn(a, token))
  const gone = Object.keys(a).filter((token) => !Object.hasOwn(b, token))
  const moved = Object.keys(a).filter((token) => Object.hasOwn(b, token) && a[token] !== b[token])
  const told = [...some('added', added), ...some('gone', gone), ...some('with another number', moved)]
  if (told.length === 0) return []
  const count = (tokens: Fields) => `${Object.keys(tokens).length} tokens`
  return [{ what: `${stem}.vocab`, a: count(a), b: `${count(b)}: ${told.join('; ')}`, same: false }]
}

function some(what: string, tokens: readonly string[]): string[] {
  const more = tokens.length > NAMED ? ' ...' : ''
  return tokens.length === 0 ? [] : [`${tokens.length} ${what} (${tokens.slice(0, NAMED).join(' ')}${more})`]
}
