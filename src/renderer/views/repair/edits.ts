import type { ExportOptions } from '../../../contract/schemas'
import type { Problem } from '../../api/problem'
import { baseName } from '../../ui/format'

/** What an export changes of the tensors, as it is typed. */
export interface Edits {
  /** Globs over names as they are, between commas. */
  readonly keep: string
  readonly drop: string
  readonly stripPrefix: string
  /** `id` only tells the lines apart. */
  readonly rename: readonly { readonly id: number; readonly pattern: string; readonly to: string }[]
  readonly addPrefix: string
  readonly untie: boolean
  /** Path of the model that the adapter is merged into. */
  readonly base: string
}

export const NO_EDITS: Edits = {
  keep: '',
  drop: '',
  stripPrefix: '',
  rename: [],
  addPrefix: '',
  untie: false,
  base: '',
}

type Format = NonNullable<ExportOptions['format']>

/** The format that the end of a path asks for; undefined where it names none. */
export function formatOf(path: string): Format | undefined {
  if (/\.safetensors$/i.test(path)) return 'safetensors'
  return /\.(bin|pt|pth|ckpt)$/i.test(path) ? 'torch' : undefined
}

/** The contract's words for them; what was left empty is left out. */
export function optionsOf(edits: Edits, format: Format): Partial<ExportOptions> {
  const { stripPrefix, addPrefix, untie } = edits
  const [keep, drop, base] = [globsOf(edits.keep), globsOf(edits.drop), edits.base.trim()]
  const rename = edits.rename.filter(({ pattern }) => pattern !== '').map(({ pattern, to }) => ({ pattern, to }))
  return {
    ...(keep.length > 0 && { keep }),
    ...(drop.length > 0 && { drop }),
    ...(stripPrefix !== '' && { stripPrefix }),
    ...(rename.length > 0 && { rename }),
    ...(addPrefix !== '' && { addPrefix }),
    ...(untie && format === 'torch' && { untie }),
    ...(base !== '' && { base }),
  }
}

export type Field = 'keep' | 'drop' | 'stripPrefix' | 'base' | 'out' | `rename ${number}`

/** The field whose value a problem is about; undefined where it is about all of them. */
export function fieldOf({ code, title, file }: Problem, edits: Edits, out: string): Field | undefined {
  const base = edits.base.trim()
  if (base !== '' && (title.includes(base) || file?.startsWith(base))) return 'base'
  if (code !== 'usage') return undefined
  const isAbout = (value: string) => value !== '' && title.endsWith(` ${value}`)
  if (globsOf(edits.keep).some(isAbout)) return 'keep'
  if (globsOf(edits.drop).some(isAbout)) return 'drop'
  if (isAbout(edits.stripPrefix)) return 'stripPrefix'
  const rule = edits.rename.find(({ pattern }) => pattern !== '' && title.startsWith(`${pattern} `))
  if (rule) return `rename ${rule.id}`
  return isAbout(baseName(out)) ? 'out' : undefined
}

function globsOf(text: string): string[] {
  return text
    .split(',')
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '')
}
