import { openFile } from '../../bytes/file'
import { joinPath } from '../../bytes/folder'
import type { StateFile } from '../../checkpoint/checkpoint'
import { type NamedTensor, namedTensors } from '../../checkpoint/files/tensors'
import { sectionsIn } from '../../checkpoint/sections'
import { allowedByWeightsOnly } from '../../decode/pickle/globals'
import type { PyValue } from '../../decode/pickle/value'
import { AssayError } from '../../errors'
import { list } from '../../verify/text'
import type { Context } from '../context'
import { type PlainPickle, plainValue } from '../plain/plain-value'
import { openTorch, type TorchSource } from '../plain/torch-source'
import { isUnnamed, whyNotRewritable } from '../rewritable'
import { rootOf } from '../shard-index'
import type { Proposal } from '../steps'

/** What `torch.load` is asked to do, in the words of those who call it. */
const LOADER = 'torch.load(weights_only=True)'

/**
 * Writes files that torch's default loader refuses so that it takes them: plain values for objects, no code. Where only danger
 * is lost by it the step is sure; where anything else is, the user is asked, unless plain files are what was asked for: then
 * forms that today's loader cannot map are written anew as well.
 */
export async function plain(context: Context): Promise<Proposal[]> {
  const proposals: Proposal[] = []
  for (const file of context.checkpoint.files) {
    const refused = file.findings.some(({ rule }) => rule === 'pickle/not-weights-only' || rule === 'pickle/dangerous')
    const unnamed = file.findings.some(({ evidence }) => isUnnamed(file, evidence))
    const wanted = refused || unnamed || (context.plain && isOtherForm(file))
    if (!wanted || (file.kind === 'pickle' && file.tensors.length === 0)) continue
    const proposal = await proposalFor(file, context)
    if (proposal) proposals.push(proposal)
  }
  return proposals
}

/** Whether the file is of a form, or holds objects, that a plain torch zip would not have. */
function isOtherForm({ kind, tensors, globals }: StateFile): boolean {
  if (kind !== 'torch-zip') return kind === 'torch-legacy' || kind === 'torch-tar' || kind === 'pickle'
  const foreign = globals.some(({ module, name }) => !allowedByWeightsOnly(module, name))
  return foreign || tensors.some(({ blocks }) => blocks.some(({ bigEndian }) => bigEndian))
}

async function proposalFor(file: StateFile, context: Context): Promise<Proposal | undefined> {
  const base = {
    kind: 'plain' as const,
    subject: file.path,
    action: `Write ${file.path} with plain values for objects, as ${LOADER} takes it`,
    rules: ['pickle/not-weights-only' as const, 'pickle/dangerous' as const, 'file/bad-header' as const],
  }
  const why = whyNotRewritable(file, true)
  const isDangerous = file.findings.some(({ rule }) => rule === 'pickle/dangerous')
  const isToTell = isDangerous || context.plain
  if (why !== undefined) return isToTell ? { ...base, confidence: 'refused', evidence: why } : undefined
  const source = openFile(joinPath(rootOf(context.checkpoint), file.path), file.path)
  try {
    const torch = await openTorch(source, file)
    const found = [...tensorsIn(torch.value, file)]
    const made = plainValue(torch.value)
    return { ...base, ...said(file, torch, made, context.plain), plain: plainness(file, found, made) }
  } catch (error) {
    if (!(error instanceof AssayError) || error.code === 'cancelled') throw error
    return { ...base, confidence: 'refused', evidence: error.message }
  } finally {
    source.close()
  }
}

function said(file: StateFile, { others }: TorchSource, { notes }: PlainPickle, asked: boolean) {
  const { kept, removed } = notes
  const dangerous = file.globals
    .filter(({ verdict }) => verdict === 'dangerous')
    .map(({ module, name }) => `${module}.${name}`)
  const calls = [...removed, ...dangerous.filter((path) => !removed.some((each) => each.includes(path)))]
  const isPickle = (name: string) => calls.length > 0 && /\.(pkl|pickle)$/i.test(name)
  const records = others.map((name) => `${name}: a record that torch does not read`)
  const lost = [...calls.map((each) => `${each}: it would run code`), ...notes.lost, ...records]
  const parts = [
    ...(kept.length > 0 ? [list(kept, 8)] : []),
    ...(file.kind === 'torch-zip' ? [] : [`${FORMS[file.kind] ?? 'Its form'} becomes a zip that can be mapped`]),
  ]
  const harmless = notes.lost.length + others.filter((name) => !isPickle(name)).length
  const waits = harmless > 0 && !asked
  const question = waits ? '. What has no plain form would be lost, so it waits for your word' : ''
  const change =
    parts.join('. ') || (lost.length > 0 ? 'Only tensors and plain values stay' : 'Its pickle gets protocol 2')
  return {
    evidence: `${change}. Tensors and numbers keep their bits${question}`,
    confidence: waits ? ('ask' as const) : ('likely' as const),
    ...(lost.length > 0 && { lost }),
  }
}

const FORMS: Readonly<Record<string, string>> = {
  'torch-legacy': 'The stream of before torch 1.6',
  'torch-tar': 'The tar of torch 0.1',
  pickle: 'The bare pickle',
}

function tensorsIn(root: PyValue, { tensors }: StateFile): Generator<NamedTensor> {
  const [first] = tensors
  const states = tensors.every(({ component }) => component === first?.component)
  const component = first && states && first.component !== 'custom' ? first.component : 'weights'
  return namedTensors(sectionsIn(root, component))
}

/** Which tensors of the file are not in the plain value, and which of those in it were arrays. */
function plainness(file: StateFile, found: readonly NamedTensor[], { value, stored }: PlainPickle) {
  const after = [...tensorsIn(value, file)]
  const before = new Set(found.map(({ name }) => name))
  const left = new Set(after.map(({ name }) => name))
  const byKey = new Map(stored.map((each) => [each.key, each]))
  const made = after.filter(({ name }) => !before.has(name))
  return {
    file: file.path,
    gone: file.tensors.filter(({ name }) => !left.has(name)),
    made: made.flatMap(({ name, tensor, section: { component } }) => {
      const array = byKey.get(tensor.storage.key)?.array
      return array ? [{ ...array, name, file: file.path, component }] : []
    }),
  }
}
