import { openFile } from '../../bytes/file'
import { joinPath } from '../../bytes/folder'
import type { StateFile } from '../../checkpoint/checkpoint'
import { AssayError } from '../../errors'
import type { RuleId } from '../../finding'
import type { Context } from '../context'
import { hasMore, isAllLost, type Losses } from '../losses'
import { plainValue } from '../plain/plain-value'
import { openTorch } from '../plain/torch-source'
import { rootOf } from '../shard-index'
import { sourcesOf } from '../sources'
import type { Plainness, Proposal } from '../steps'
import { parameterStateOf } from '../torch-edit'

/** Damage of which the rest of a file can be saved. */
const DAMAGE: ReadonlySet<RuleId> = new Set<RuleId>([
  'file/truncated',
  'file/bad-header',
  'file/overlap',
  'file/checksum',
])

/**
 * Writes damaged files of the model anew with the tensors that are whole; what is lost is listed, and taken from elsewhere by other steps
 * where it is. Weights whose bytes merely differ from their checksum are given up only where all of them can be replaced; the state of
 * a parameter in an optimizer is, as it begins anew.
 */
export async function salvage(context: Context): Promise<Proposal[]> {
  const proposals: Proposal[] = []
  for (const file of context.checkpoint.files) {
    const lost = context.losses.get(file.path)
    if (lost) proposals.push(await proposalFor(file, lost, context))
  }
  return proposals
}

async function proposalFor(file: StateFile, lost: Losses, context: Context): Promise<Proposal> {
  const whole = file.tensors.length - lost.size
  const base = {
    kind: 'salvage' as const,
    subject: file.path,
    action: `Write ${file.path} anew with ${wholeText(whole, file.tensors.length)}`,
    rules: ['file/truncated' as const, 'file/bad-header' as const, 'file/checksum' as const],
    answers: (rule: RuleId, subject: string) =>
      file.findings.some((each) => each.rule === rule && each.subject === subject && DAMAGE.has(rule)),
  }
  const refused = (evidence: string): Proposal => ({ ...base, confidence: 'refused', evidence })
  const found = reason(file, context)
  if (isAllLost(file, lost) && !(await isPart(file, lost, context))) {
    const instead = context.reference ? `; all values would be the reference's, which can be used as it is` : ''
    return refused(`${found}. No tensor of it is whole${instead}`)
  }
  const isChecked = context.verification.findings.some(
    ({ rule, subject }) => rule === 'file/checksum' && subject === file.path,
  )
  for (const tensor of isChecked ? lost.keys() : []) {
    // The state of a parameter begins anew where it is not there.
    if (parameterStateOf(tensor) !== undefined) continue
    if ((await sourcesOf(tensor, tensor.shape, context)).length === 0)
      return refused(`${found}. Most of ${tensor.name} may be right, and nothing that is here can take its place`)
  }
  try {
    const { plain, others } = await formOf(file, context)
    const unlisted = unlistedIn(file)
    const form = plain ? '. The stream becomes a zip that torch.load takes' : ''
    return {
      ...base,
      confidence: lost.size + unlisted.length === 0 ? 'certain' : 'likely',
      evidence: `${found}. Every value that is written keeps its bits${form}`,
      salvage: { file: file.path, lost, others: [...unlisted, ...others] },
      ...(plain && { plain }),
    }
  } catch (error) {
    if (!(error instanceof AssayError) || error.code === 'cancelled') throw error
    return refused(error.message)
  }
}

function wholeText(whole: number, all: number): string {
  return whole === all ? `all its ${all} tensors` : `the ${whole} of its ${all} tensors that are whole`
}

function reason(file: StateFile, { verification }: Context): string {
  const own = [...file.findings, ...verification.findings.filter(({ subject }) => subject === file.path)]
  const finding = own.find(({ rule }) => DAMAGE.has(rule))
  return finding?.message ?? 'It is damaged'
}

/**
 * What of the data the new file lacks beside the tensors that are listed, a line each: tensors whose place or dtype makes no sense, and
 * bytes that belong to none, where it is not a tensor in doubt that has left them.
 */
function unlistedIn({ findings, tensors, path }: StateFile): string[] {
  const listed = new Set(tensors.map(({ name }) => name))
  const isSettled = tensors.every(({ doubt }) => !doubt)
  return findings.flatMap(({ rule, subject, message, evidence }) => {
    if (rule !== 'file/bad-header' || subject === path) return []
    if (!listed.has(subject)) return [message]
    const isHole = Number(evidence?.to) > Number(evidence?.from)
    return isHole && isSettled ? [message.slice(0, message.lastIndexOf(';'))] : []
  })
}

/** Whether the file is one of several and all that it has lost is somewhere else: the result is more than what it is taken from. */
async function isPart(file: StateFile, lost: Losses, context: Context): Promise<boolean> {
  if (!hasMore(context.checkpoint, file)) return false
  for (const tensor of lost.keys()) if ((await sourcesOf(tensor, tensor.shape, context)).length === 0) return false
  return true
}

/** The old streams are not written any more: they become a zip, and objects in them plain values. */
async function formOf(
  file: StateFile,
  { checkpoint }: Context,
): Promise<{ plain?: Plainness; others: readonly string[] }> {
  if (file.kind === 'safetensors' || file.kind === 'torch-zip') return { others: [] }
  const source = openFile(joinPath(rootOf(checkpoint), file.path), file.path)
  try {
    const torch = await openTorch(source, file)
    const { notes } = plainValue(torch.value)
    const removed = notes.removed.map((each) => `${each}: it would run code`)
    return { plain: { file: file.path, gone: [], made: [] }, others: [...removed, ...notes.lost] }
  } finally {
    source.close()
  }
}
