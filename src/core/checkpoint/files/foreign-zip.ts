import type { ZipArchive } from '../../container/zip'
import { ENCRYPTED } from '../../container/zip-format'
import { type Finding, finding } from '../../finding'
import { some } from '../names'

/** Archives that hold no state Assay reads, by a record in them, and what opens them. */
const FOREIGN: readonly { readonly pattern: RegExp; readonly what: string; readonly opens: string }[] = [
  { pattern: /^\[Content_Types\]\.xml$/, what: 'an Office document', opens: 'it is no checkpoint' },
  { pattern: /^MAR-INF\//, what: 'a TorchServe archive (.mar)', opens: 'unpack it and open the model in it' },
  { pattern: /^model_weights\.ckpt$/, what: 'a NeMo archive', opens: 'unpack it and open the model in it' },
  { pattern: /\.mlmodel$/, what: 'a Core ML package', opens: 'coremltools opens it' },
  { pattern: /^saved_model\.pb$|\/saved_model\.pb$/, what: 'a TensorFlow SavedModel', opens: 'unpack it first' },
  { pattern: /^META-INF\/MANIFEST\.MF$/, what: 'a Java archive', opens: 'it is no checkpoint' },
  {
    pattern: /\.(safetensors|gguf|pth?|ckpt|bin|h5)$/i,
    what: 'a zip archive with models in it',
    opens: 'unpack it first',
  },
]

/** Names a zip archive that holds none of the states Assay reads. */
export function foreignZip({ entries }: ZipArchive, file: string): Finding {
  const names = entries.map(({ name }) => name)
  const known = FOREIGN.find(({ pattern }) => names.some((name) => pattern.test(name)))
  const encrypted = entries.filter(({ flags }) => flags & ENCRYPTED).map(({ name }) => name)
  const what = known?.what ?? (encrypted.length > 0 ? 'an encrypted zip archive' : 'a zip archive without data.pkl')
  const opens = known?.opens ?? (encrypted.length > 0 ? 'unpack it with its password first' : undefined)
  const holds = known ? '' : ` (it holds ${some(names) || 'nothing'})`
  const message = `${file} is ${what}${holds}${opens ? `; ${opens}` : ''}`
  const evidence = {
    what,
    records: names.slice(0, 50),
    ...(encrypted.length > 0 && { encrypted: encrypted.slice(0, 50) }),
  }
  return finding('file/unknown-format', file, message, { evidence })
}
