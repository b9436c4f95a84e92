import type { Checkpoint, StateFile } from '../checkpoint/checkpoint'
import { numel, type Tensor } from '../checkpoint/tensor'
import { isReadable } from '../checkpoint/values'
import type { Finding } from '../finding'
import { list } from '../verify/text'
import type { Verification } from '../verify/verify'
import type { RepairStep, Unmended } from './steps'
import { parameterStateOf } from './torch-edit'

/**
 * The files of the model that are cut off, lack records or have some with other bytes than were written, and of which
 * nothing else is wrong: by path, the tensors in each whose values are lost. Looks at headers and findings only.
 */
export function lossesIn({ files }: Checkpoint, { findings }: Verification): Map<string, ReadonlySet<Tensor>> {
  const losses = new Map<string, ReadonlySet<Tensor>>()
  for (const file of files) {
    const known = new Set(file.findings)
    const read = findings.filter((each) => each.subject === file.path && !known.has(each))
    const errors = [...file.findings, ...read].filter(({ severity }) => severity === 'error')
    const damaged = errors.filter((each) => isLoss(each, file))
    const isModel = file.tensors.some(({ component }) => component === 'weights' || component === 'adapter')
    if (isModel && damaged.length > 0 && damaged.length === errors.length) losses.set(file.path, lostIn(file, damaged))
  }
  return losses
}

const KINDS: ReadonlySet<StateFile['kind']> = new Set<StateFile['kind']>([
  'safetensors',
  'torch-zip',
  'torch-legacy',
  'torch-tar',
])

/** Whether the finding tells of bytes that are not there, or are not those that were written, and of nothing else. */
function isLoss({ rule, subject, evidence = {} }: Finding, { kind, path }: StateFile): boolean {
  if (!KINDS.has(kind)) return false
  if (rule === 'file/truncated') return true
  if (rule === 'file/checksum') return typeof evidence.record === 'string' && /\/data\/[^/]+$/.test(evidence.record)
  if (rule !== 'file/bad-header') return false
  if (kind === 'safetensors') return subject === path && Number(evidence.got) > Number(evidence.expected)
  return evidence.record !== undefined || evidence.lost !== undefined
}

function lostIn({ tensors }: StateFile, damaged: readonly Finding[]): Set<Tensor> {
  const records = damaged.flatMap(({ rule, evidence }) => (rule === 'file/checksum' ? [String(evidence?.record)] : []))
  const isBad = ({ storage }: Tensor) =>
    storage !== undefined && records.some((record) => record.endsWith(`/data/${storage.key}`))
  // A tensor without a storage never had values (on the meta device).
  const hadValues = ({ shape, blocks, storage, form }: Tensor) =>
    numel(shape) > 0 && (blocks.length > 0 || storage !== undefined || form !== undefined)
  const lost = tensors.filter((tensor) => hadValues(tensor) && (!isReadable(tensor) || isBad(tensor)))
  const states = new Set(lost.flatMap((tensor) => parameterStateOf(tensor) ?? []))
  return new Set([...lost, ...tensors.filter((tensor) => states.has(parameterStateOf(tensor) ?? ''))])
}

/** The steps, those that save what is whole of a file with the names of what no step among them has from elsewhere. */
export function withLosses(steps: readonly RepairStep[]): RepairStep[] {
  const done = steps.filter(({ confidence }) => confidence === 'certain' || confidence === 'likely')
  const filled = new Set(
    done.flatMap(({ changes = [] }) => changes.flatMap(({ tensor, values }) => (values ? [tensor] : []))),
  )
  return steps.map((step) => {
    if (!step.salvage) return step
    const { lost: _, gone: __, ...rest } = step
    const gone = [...step.salvage.lost].filter((tensor) => !filled.has(tensor)).map(({ name }) => name)
    const lost = [...gone, ...(step.salvage.others ?? [])]
    return { ...rest, ...(gone.length > 0 && { gone }), ...(lost.length > 0 && { lost }) }
  })
}

/** What these steps save no values of, a line for each file. */
export function stillLost(steps: readonly RepairStep[]): Unmended[] {
  return steps.flatMap(({ salvage, gone = [] }) => {
    if (!salvage || gone.length === 0) return []
    const verb = gone.length === 1 ? 'is' : 'are'
    const why = `${list(gone)} ${verb} lost: the values are in no file that is here; a reference may have them`
    return [{ rule: 'weights/missing-tensor', subject: salvage.file, why }]
  })
}
