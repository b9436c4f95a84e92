import { openFile } from '../../bytes/file'
import { joinPath } from '../../bytes/folder'
import type { StateFile } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { AssayError } from '../../errors'
import type { Context } from '../context'
import { plainValue } from '../plain/plain-value'
import { openTorch } from '../plain/torch-source'
import { rootOf } from '../shard-index'
import { sourcesOf } from '../sources'
import type { Plainness, Proposal } from '../steps'

/**
 * Writes damaged files of the model anew with the tensors that are whole; what is lost is listed, and taken from elsewhere by other steps
 * where it is. Tensors whose bytes merely differ from their checksum are given up only where all of them can be replaced.
 */
export async function salvage(context: Context): Promise<Proposal[]> {
  const proposals: Proposal[] = []
  for (const file of context.checkpoint.files) {
    const lost = context.losses.get(file.path)
    if (lost) proposals.push(await proposalFor(file, lost, context))
  }
  return proposals
}

async function proposalFor(file: StateFile, lost: ReadonlySet<Tensor>, context: Context): Promise<Proposal> {
  const whole = file.tensors.length - lost.size
  const base = {
    kind: 'salvage' as const,
    subject: file.path,
    action: `Write ${file.path} anew with ${wholeText(whole, file.tensors.length)}`,
    rules: ['file/truncated' as const, 'file/bad-header' as const, 'file/checksum' as const],
  }
  const refused = (evidence: string): Proposal => ({ ...base, confidence: 'refused', evidence })
  const found = reason(file, context)
  if (whole === 0) return refused(`${found}. No tensor of it is whole`)
  const isChecked = context.verification.findings.some(
    ({ rule, subject }) => rule === 'file/checksum' && subject === file.path,
  )
  for (const tensor of isChecked ? lost : []) {
    if ((await sourcesOf(tensor, tensor.shape, context)).length === 0)
      return refused(`${found}. Most of ${tensor.name} may be right, and nothing that is here can take its place`)
  }
  try {
    const { plain, others } = await formOf(file, context)
    const form = plain ? '. The stream becomes a zip that torch.load takes' : ''
    return {
      ...base,
      confidence: lost.size === 0 ? 'certain' : 'likely',
      evidence: `${found}. Every value that is written keeps its bits${form}`,
      salvage: { file: file.path, lost, ...(others.length > 0 && { others }) },
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
  const finding = own.find(
    ({ rule }) => rule === 'file/truncated' || rule === 'file/bad-header' || rule === 'file/checksum',
  )
  return finding?.message ?? 'It is damaged'
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
