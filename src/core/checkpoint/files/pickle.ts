import { type ByteSource, readBytes } from '../../bytes/source'
import { allowedByWeightsOnly, type GlobalUse } from '../../decode/pickle/globals'
import { type DecodedPickle, decodePickle, type PickleOptions } from '../../decode/pickle/machine'
import { AssayError } from '../../errors'
import { type Finding, finding, findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { sectionsIn } from '../sections'
import type { Contents } from './contents'
import { tensorsOf } from './tensors'

/** Largest pickle that is decoded, in bytes. That of a model of 100,000 tensors has about 20 MB. */
const PICKLE_LIMIT = 256 << 20
/** Pickles that may follow one another in one file; the legacy stream has five. */
const FOLLOWERS = 64

/** A file that is one pickle, or several in a row. Tensors in it have no storage beside it, so none has values. */
export async function readPickleFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const first = await decodePickleIn(source, 0, source.size)
  const sections = sectionsIn(first.value, component)
  const { tensors } = tensorsOf(sections, file, () => undefined)
  const findings = pickleFindings([first], file)
  return { tensors, value: first.value, ...refusedOpcodeOf(first), sections, globals: first.globals, findings }
}

/**
 * Decodes the pickle at `offset` and whatever pickles follow it up to `end`: their globals are added to its own, because a
 * loader that reads on would run them too. Throws `file/resource-bomb` for a pickle beyond 256 MiB, and as `ByteSource.read`.
 */
export async function decodePickleIn(
  source: ByteSource,
  offset: number,
  length: number,
  options: Pick<PickleOptions, 'memory' | 'onBuilt'> = {},
): Promise<DecodedPickle> {
  if (length > PICKLE_LIMIT) {
    throw new AssayError(
      'file/resource-bomb',
      `${source.name}: a pickle of ${length} bytes is beyond what is decoded`,
      {
        file: source.name,
        hint: 'Assay decodes pickles of up to 256 MiB',
      },
    )
  }
  const bytes = await readBytes(source, offset, length)
  const first = decodePickle(bytes, { ...options, name: source.name })
  const globals = [...first.globals]
  let at = first.end
  for (let i = 0; i < FOLLOWERS && first.error === undefined && at > 0 && at < bytes.length; i++) {
    const next = decodePickle(bytes.subarray(at), { name: source.name, offset: at })
    for (const use of next.globals) globals.push(use)
    if (next.error !== undefined || next.end <= 0) break
    at += next.end
  }
  return { ...first, globals: distinct(globals) }
}

/** Globals by name, each where it was met first. */
export function distinct(globals: readonly GlobalUse[]): GlobalUse[] {
  const seen = new Map<string, GlobalUse>()
  for (const use of globals) {
    const key = `${use.module}\0${use.name}`
    if (!seen.has(key)) seen.set(key, use)
  }
  return [...seen.values()]
}

/** What is wrong with pickles whatever they hold: `pickle/dangerous`, and the error that stopped the decoding. */
export function pickleFindings(pickles: readonly Pick<DecodedPickle, 'globals' | 'error'>[], file: string): Finding[] {
  const findings: Finding[] = []
  const dangerous = distinct(pickles.flatMap(({ globals }) => globals)).filter(({ verdict }) => verdict === 'dangerous')
  if (dangerous.length > 0) {
    const names = dangerous.map(({ module, name }) => `${module}.${name}`)
    findings.push(
      finding(
        'pickle/dangerous',
        file,
        `${file} calls ${some(names)} when it is unpickled: loading it would run code`,
        {
          evidence: { globals: dangerous.map(({ module, name, offset }) => ({ module, name, offset })) },
          repair: 'Do not load it with pickle or torch.load; find out who wrote it',
        },
      ),
    )
  }
  for (const { error } of pickles) if (error) findings.push(findingOf(error, file))
  return findings
}

/**
 * The `pickle/not-weights-only` finding for a file of weights that `torch.load(weights_only=True)`, the default since
 * torch 2.6, refuses: because of a global outside its list, or of an opcode that it does not know, as protocols 0, 1, 4 and 5
 * use many and protocol 3 for `bytes` (torch/_weights_only_unpickler.py, checked with torch 2.13).
 */
export function notWeightsOnly({ globals, protocol, refusedOpcode }: Said, file: string): Finding[] {
  const refused = globals.filter(({ module, name }) => !allowedByWeightsOnly(module, name))
  if (refused.length === 0 && refusedOpcode === undefined) return []
  const names = refused.map(({ module, name }) => `${module}.${name}`)
  const why =
    refused.length > 0 ? `it needs ${some(names)}` : `it is a pickle of protocol ${protocol} and uses ${refusedOpcode}`
  return [
    finding('pickle/not-weights-only', file, `torch.load(weights_only=True) refuses ${file}: ${why}`, {
      evidence: { globals: names.slice(0, 100), protocol, ...(refusedOpcode && { opcode: refusedOpcode }) },
      repair: 'Export the weights as safetensors',
    }),
  ]
}

/** What of a pickle the loader objects to. */
type Said = Pick<DecodedPickle, 'globals' | 'protocol' | 'refusedOpcode'>

/** The opcode for `Contents`, where there is one. */
export function refusedOpcodeOf({ refusedOpcode }: Said): Pick<Contents, 'refusedOpcode'> {
  return refusedOpcode ? { refusedOpcode } : {}
}
