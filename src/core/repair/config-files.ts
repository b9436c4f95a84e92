import { openFile } from '../bytes/file'
import { joinPath, pathKind } from '../bytes/folder'
import { readBytes } from '../bytes/source'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { rootOf } from './shard-index'

export const ADAPTER_CONFIG = 'adapter_config.json'

/** Without these `from_pretrained` of transformers 5 knows no model to put weights in, and generates otherwise. */
const MODEL_CONFIGS = ['config.json', 'generation_config.json']

/** Of a config; those of real models have a few hundred KiB at most, where they list many labels. */
const MOST_BYTES = 2 ** 24

/** A file of text that is written beside the weights. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/**
 * The configs of the model in the checkpoint's folder. They go along as they are, but for the dtype of the weights (`torch_dtype`; `dtype`
 * from transformers 5 on), by which they are loaded: where all are rounded to another, it is `dtype`.
 */
export async function modelConfigs(checkpoint: Checkpoint, dtype?: string): Promise<TextFile[]> {
  if (checkpoint.config === undefined) return []
  const found: TextFile[] = []
  for (const path of MODEL_CONFIGS) {
    const text = await configBeside(checkpoint, path)
    if (text !== undefined)
      found.push({ path, text: dtype === undefined ? text : text.replaceAll(DTYPE, `$1"${dtype}"`) })
  }
  return found
}

const DTYPE = /("(?:torch_)?dtype"\s*:\s*)"(?:float(?:16|32|64)|bfloat16)"/g

/** The text of a config in the checkpoint's folder, if it is there and not absurdly long. Throws as `ByteSource.read`. */
export async function configBeside(checkpoint: Checkpoint, name: string): Promise<string | undefined> {
  const path = joinPath(rootOf(checkpoint), name)
  if (pathKind(path) !== 'file') return undefined
  const source = openFile(path, name)
  try {
    if (source.size > MOST_BYTES) return undefined
    return new TextDecoder().decode(await readBytes(source, 0, source.size))
  } finally {
    source.close()
  }
}
