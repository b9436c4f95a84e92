import { joinPath, listFolder, pathKind } from '../bytes/folder'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { TOKENIZER } from '../checkpoint/tokenizer'
import { fieldsOf } from '../decode/plain'
import { rootOf } from './shard-index'

/** A file that goes along with the weights, byte for byte. */
export interface Companion {
  /** Relative to the folder of the weights. */
  readonly path: string
  readonly from: string
  readonly bytes: number
  /** What is wrong with it where it is: it is no better where it goes. */
  readonly why?: string
}

/** Of a processor and not of the tokenizer alone. */
const PROCESSOR = /processor_config\.json$/

/** Templates of other names than the default (`CHAT_TEMPLATE_DIR`, transformers 5.18, `utils/hub.py`). */
const TEMPLATES = 'additional_chat_templates'

/**
 * What `from_pretrained` reads of a model's folder beside its weights and its configs: tokenizer, processor, chat templates, and the code
 * of a model of its own where the config's `auto_map` names some. A merged adapter was trained with the tokenizer beside it, if
 * there is one: tokens may have been added.
 */
export function companionsOf(checkpoint: Checkpoint, adapter?: Checkpoint): Companion[] {
  const trained = adapter ? tokenizerOf(adapter) : []
  const own = tokenizerOf(checkpoint).filter(({ path }) => trained.length === 0 || PROCESSOR.test(path))
  const byPath = new Map([...own, ...codeOf(checkpoint), ...trained].map((each) => [each.path, each]))
  return [...byPath.values()]
}

function tokenizerOf(checkpoint: Checkpoint): Companion[] {
  const beside = companionsLike(checkpoint, '', TOKENIZER)
  if (pathKind(joinPath(rootOf(checkpoint), TEMPLATES)) !== 'folder') return beside
  return [...beside, ...companionsLike(checkpoint, `${TEMPLATES}/`, /\.jinja$/)]
}

/** The modules of a model's own code import each other by any name. */
function codeOf(checkpoint: Checkpoint): Companion[] {
  return fieldsOf(checkpoint.config)?.auto_map === undefined ? [] : companionsLike(checkpoint, '', /\.py$/)
}

function companionsLike(checkpoint: Checkpoint, folder: string, pattern: RegExp): Companion[] {
  const root = rootOf(checkpoint)
  const amiss = new Map(
    checkpoint.findings.flatMap(({ severity, subject, message }) => (severity === 'info' ? [] : [[subject, message]])),
  )
  return listFolder(joinPath(root, folder), 1).flatMap(({ kind, path: name, size }) => {
    if (kind !== 'file' || !pattern.test(name)) return []
    const path = `${folder}${name}`
    const why = amiss.get(path)
    return [{ path, from: joinPath(root, path), bytes: size, ...(why !== undefined && { why }) }]
  })
}
