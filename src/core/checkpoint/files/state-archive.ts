import { type ByteSource, readBytes } from '../../bytes/source'
import { entrySource, type ZipArchive } from '../../container/zip'
import { parseJson } from '../../decode/json'
import { fieldsOf, type Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import { type Finding, findingOf } from '../../finding'
import type { ComponentId, StateText } from '../checkpoint'
import type { Section } from '../sections'
import type { Tensor } from '../tensor'
import type { Contents } from './contents'
import { distinct } from './pickle'
import { recordNamed, textsIn, tornFinding } from './torch-records'

const STATE = /\.(pth?|bin|ckpt|th|tar|safetensors|pkl)$/i
/** State files in one archive; more are a data set. */
const MOST_STATES = 64

/** Reads a record of the archive as a file of its own. */
export type ReadRecord = (source: ByteSource, file: string, component: ComponentId) => Promise<Contents>

/** What an archive offers. */
interface Records {
  readonly records: readonly { readonly name: string; readonly source: ByteSource }[]
  readonly texts: readonly StateText[]
  /** The JSON beside the state files. */
  readonly settings?: ByteSource
  readonly findings: readonly Finding[]
}

/** Whether a record is called like a state file. */
export function isStateName(name: string): boolean {
  return STATE.test(name) && !/(^|\/)data\.pkl$/.test(name)
}

/** The state files in a zip such as Stable-Baselines3 writes, `policy.pth`, `policy.optimizer.pth` ...; undefined where there are none. */
export function stateRecords(archive: ZipArchive, file: string): Records | undefined {
  const entries = archive.entries.filter(({ name }) => isStateName(name)).slice(0, MOST_STATES)
  if (entries.length === 0) return undefined
  const settings = recordNamed(archive, 'data')
  return {
    records: entries.map((entry) => ({ name: entry.name, source: entrySource(archive, entry) })),
    ...(settings && { settings: entrySource(archive, settings) }),
    texts: textsIn(archive, /\.(txt|json|ya?ml|py|md)$|^(data|_stable_baselines3_version)$/),
    findings: [...archive.findings, ...(archive.torn ? [tornFinding(archive, file, 0, 0)] : [])],
  }
}

/**
 * The state files of an archive, each read as if it lay beside it. Tensors and sections go by the record they are in (`policy.optimizer`),
 * weights by their own names where only one record holds any. Records that people can read are told as text. Errors in a
 * record are findings.
 */
export async function readStateArchive(
  { records, texts, settings, findings }: Records,
  file: string,
  component: ComponentId,
  read: ReadRecord,
): Promise<Contents> {
  const parts: { readonly name: string; readonly stem: string; readonly contents: Contents }[] = []
  for (const { name, source } of records.slice(0, MOST_STATES)) {
    const stem = name.replace(STATE, '').replace(/^\.\//, '').replaceAll('/', '.')
    const role: ComponentId = /optim/i.test(stem) ? 'optimizer' : component
    parts.push({ name, stem, contents: await readRecord(source, file, role, read) })
  }
  const isWeights = (tensor: Tensor) => tensor.component === 'weights' || tensor.component === 'adapter'
  const bare = parts.filter(({ contents }) => contents.tensors.some(isWeights)).length === 1
  const tensors = parts.flatMap(({ stem, contents }) =>
    contents.tensors.map((tensor) => ({
      ...tensor,
      name: bare && isWeights(tensor) ? tensor.name : `${stem}.${tensor.name}`,
      ...(tensor.storage && { storage: { ...tensor.storage, key: `${stem}/${tensor.storage.key}` } }),
    })),
  )
  const sections = parts.flatMap(({ stem, contents }) =>
    contents.sections.map((section): Section => {
      return { ...section, key: section.key === undefined ? stem : `${stem}.${section.key}` }
    }),
  )
  const members = parts
    .map(({ name, contents }) => ({ ...contents, path: name }))
    .filter(({ value, globals, findings }) => value !== undefined || globals.length > 0 || findings.length > 0)
  const told = settings && (await readSettings(settings))
  return {
    kind: 'state-archive',
    tensors,
    members,
    ...(told !== undefined && { records: [{ file, component: 'trainer', value: told }] }),
    sections,
    globals: distinct(parts.flatMap(({ contents }) => contents.globals)),
    findings: [...findings, ...parts.flatMap(({ contents }) => contents.findings)],
    texts,
  }
}

/** Bytes of the settings that are read: beside them lie pickles in base64, which may be of any length. */
const LARGEST_SETTINGS = 16 << 20

/**
 * What Stable-Baselines3 keeps in `data`: JSON of the algorithm's attributes, those that JSON cannot hold as
 * `{":type:": .., ":serialized:": ..}` (2.3, save_util.py, data_to_json), of which the type is told. Undefined for all else.
 */
async function readSettings(source: ByteSource): Promise<Plain | undefined> {
  if (source.size > LARGEST_SETTINGS) return undefined
  try {
    const text = new TextDecoder().decode(await readBytes(source, 0, source.size))
    const fields = fieldsOf(parseJson(text, source.name))
    const told: Record<string, Plain> = Object.create(null)
    for (const [key, value] of Object.entries(fields ?? {})) {
      const inner = fieldsOf(value)
      told[key] = inner && ':serialized:' in inner ? (inner[':type:'] ?? null) : value
    }
    return fields && told
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

async function readRecord(source: ByteSource, file: string, role: ComponentId, read: ReadRecord): Promise<Contents> {
  try {
    return await read(source, file, role)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    return { tensors: [], sections: [], globals: [], findings: [findingOf(error, file)] }
  }
}
