import { type ByteSource, readBytes } from '../../bytes/source'
import { parseJson } from '../../decode/json'
import { fieldsOf, type Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import { finding } from '../../finding'
import type { Contents } from './contents'

/** Largest file that is looked into. */
const LARGEST = 64 << 20

type Fields = { readonly [key: string]: Plain }

/** JSON files that people open alone, by their keys, and what to open in their place. */
const NAMED: readonly { readonly what: string; readonly opens: string; readonly fits: (fields: Fields) => boolean }[] =
  [
    {
      what: 'the index of a sharded model',
      opens: 'open the folder with its shards',
      fits: ({ weight_map }) => fieldsOf(weight_map) !== undefined,
    },
    { what: 'the config of a PEFT adapter', opens: 'open its folder', fits: (fields) => 'peft_type' in fields },
    {
      what: 'the config of a model',
      opens: 'open its folder',
      fits: (fields) => 'model_type' in fields || 'architectures' in fields || '_class_name' in fields,
    },
    {
      what: 'a model of TensorFlow.js',
      opens: 'tf.loadLayersModel opens it',
      fits: (fields) => 'modelTopology' in fields && 'weightsManifest' in fields,
    },
    {
      what: 'a tokenizer',
      opens: 'open the folder of its model',
      fits: (fields) => 'added_tokens' in fields || 'tokenizer_class' in fields,
    },
    {
      what: 'the summary of a Weights & Biases run',
      opens: 'it holds the last value of each series, no history',
      fits: (fields) => '_runtime' in fields && '_timestamp' in fields,
    },
  ]

/**
 * JSON where a state was expected. The state of a Trainer (transformers, trainer_state.json) is read for its history; others
 * are named by their keys, or quoted: the answer of a server, mostly. Throws `file/bad-header` when it is no whole JSON.
 */
export async function readJsonFile(source: ByteSource, file: string): Promise<Contents> {
  if (source.size > LARGEST) {
    throw new AssayError('file/resource-bomb', `${file} has ${source.size} bytes, too many for a JSON file`, { file })
  }
  const text = new TextDecoder().decode(await readBytes(source, 0, source.size))
  const value = parseJson(text, file)
  const fields = fieldsOf(value)
  const none = { tensors: [], sections: [], globals: [] }
  if (Array.isArray(fields?.log_history) && fields.global_step !== undefined) {
    return { ...none, records: [{ file, component: 'trainer', value }], findings: [] }
  }
  const named = fields && NAMED.find(({ fits }) => fits(fields))
  const quoted = text.slice(0, 80).replace(/\s+/g, ' ').trim()
  const message = named
    ? `${file} is ${named.what}, not a checkpoint; ${named.opens}`
    : `${file} is JSON (${quoted}${text.length > 80 ? ' ...' : ''}), not a checkpoint`
  const repair = 'Open the folder it belongs to, or download the file again'
  return { ...none, findings: [finding('file/not-a-checkpoint', file, message, { repair })] }
}
