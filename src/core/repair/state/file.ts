import { openFile } from '../../bytes/file'
import { fileAt, joinPath } from '../../bytes/folder'
import type { Checkpoint, ComponentId } from '../../checkpoint/checkpoint'
import { RECORD } from '../../checkpoint/rebuilt'
import { byteLength } from '../../checkpoint/tensor'
import type { PyValue } from '../../decode/pickle/value'
import { sourceBlocks } from '../../write/output'
import { type Stored, writeTorchValue } from '../../write/torch-zip'
import { rootOf } from '../shard-index'
import type { NewFile } from '../steps'

/** Records of a torch zip beside the values, and its directory: a guess that is large enough. */
const FRAME = 16_384

/** A state file as `torch.save` writes it, with the mark of the repair inside. */
export function torchFile(
  path: string,
  component: ComponentId,
  value: PyValue,
  stored: readonly Stored[] = [],
): NewFile {
  const root = path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '')
  return {
    path,
    component,
    bytes: stored.reduce((sum, { values }) => sum + byteLength(values) + 512, FRAME),
    write: (sink, record, options) =>
      writeTorchValue(sink, root, { value, stored, records: new Map([[RECORD, record]]) }, options),
  }
}

/** A file of the checkpoint under another name, byte for byte; it bears no mark. */
export function copiedFile(path: string, component: ComponentId, checkpoint: Checkpoint, from: string): NewFile {
  const place = joinPath(rootOf(checkpoint), from)
  return {
    path,
    component,
    bytes: fileAt(place)?.size ?? 0,
    async write(sink, _record, { signal }) {
      const source = openFile(place, from)
      try {
        for await (const block of sourceBlocks(source, signal)) await sink.write(block)
      } finally {
        source.close()
      }
    },
  }
}

/** A JSON file, which bears no mark: the record beside it tells. */
export function jsonFile(path: string, component: ComponentId, json: unknown): NewFile {
  const text = new TextEncoder().encode(`${jsonText(json)}\n`)
  return { path, component, bytes: text.byteLength, write: (sink) => sink.write(text) }
}

/** As Python's `json` writes it: NaN and infinities bare, integers of any size. */
function jsonText(json: unknown): string {
  const marked = JSON.stringify(json, (_, value) => (isPlainJson(value) ? value : `\u0000${value}`), 2)
  return marked.replaceAll(/"\\u0000(NaN|-?Infinity|-?\d+)"/g, '$1')
}

function isPlainJson(value: unknown): boolean {
  return typeof value !== 'bigint' && (typeof value !== 'number' || Number.isFinite(value))
}
