import type { ExportOffers, ExportOptions } from '../../../contract/schemas'
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
  readonly ties: 'as they are' | 'tie' | 'untie'
  /** Only the adapter of a model that was saved with it, or the adapter merged into its base: where it is that or this. */
  readonly part: 'all' | 'adapter' | 'merged'
  /** Scaling of the adapter, where no config tells it. */
  readonly alpha: number | ''
  /** The optimizer's own values in place of the rounded ones. */
  readonly masters: boolean
  /** Path of the model that the adapter is merged into. */
  readonly base: string
}

export const NO_EDITS: Edits = {
  keep: '',
  drop: '',
  stripPrefix: '',
  rename: [],
  addPrefix: '',
  ties: 'as they are',
  part: 'all',
  alpha: '',
  masters: false,
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
  const { stripPrefix, addPrefix, ties, part, alpha, masters } = edits
  const [keep, drop, base] = [globsOf(edits.keep), globsOf(edits.drop), edits.base.trim()]
  const rename = edits.rename.filter(({ pattern }) => pattern !== '').map(({ pattern, to }) => ({ pattern, to }))
  return {
    ...(keep.length > 0 && { keep }),
    ...(drop.length > 0 && { drop }),
    ...(stripPrefix !== '' && { stripPrefix }),
    ...(rename.length > 0 && { rename }),
    ...(addPrefix !== '' && { addPrefix }),
    ...(ties === 'tie' && { tie: true }),
    ...(ties === 'untie' && format === 'torch' && { untie: true }),
    ...(part === 'adapter' && { onlyAdapter: true }),
    ...(part === 'adapter' && alpha !== '' && { loraAlpha: alpha }),
    ...(part === 'merged' && base !== '' && { base }),
    ...(masters && { masters }),
  }
}

/** What has to be said before an export of this kind can be worked out; undefined where nothing has. */
export function wantedOf({ part, base, alpha }: Edits, offers: ExportOffers | undefined): string | undefined {
  if (part === 'merged' && base.trim() === '') return 'Name the base model that the adapter is merged into.'
  if (part === 'adapter' && alpha === '' && offers?.onlyAdapter?.alpha)
    return 'Say the alpha of the adapter: no adapter_config.json is beside it, and no tensor tells its scaling.'
  return undefined
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
