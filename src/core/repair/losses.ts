import type { Checkpoint, StateFile } from '../checkpoint/checkpoint'
import { byteLength, contiguousStrides, numel, sameShape, type Tensor } from '../checkpoint/tensor'
import { isReadable } from '../checkpoint/values'
import type { Finding, RuleId } from '../finding'
import { list } from '../verify/text'
import type { Verification } from '../verify/verify'
import type { RepairStep, Unmended } from './steps'
import { parameterStateOf } from './torch-edit'

/** Tensors whose values are lost, unless they are somewhere else as well, and why. */
export type Losses = ReadonlyMap<Tensor, string>

/**
 * The files of the model that are cut off, lack records, have some with other bytes than were written or contradict themselves, and of
 * which nothing else is wrong: by path, the tensors in each whose values are lost. Looks at headers and findings only.
 */
export function lossesIn({ files }: Checkpoint, { findings }: Verification): Map<string, Losses> {
  const losses = new Map<string, Losses>()
  for (const file of files) {
    const known = new Set(file.findings)
    const read = findings.filter((each) => each.subject === file.path && !known.has(each))
    const errors = [...file.findings, ...read].filter(({ severity }) => severity === 'error')
    const damaged = errors.filter((each) => isLoss(each, file))
    const misstated = read.filter(({ evidence }) => evidence?.misstated !== undefined)
    const isModel = file.tensors.some(({ component }) => component === 'weights' || component === 'adapter')
    if (damaged.length + misstated.length === 0 || damaged.length < errors.length) continue
    const lost = lostIn(file, damaged)
    if (isModel || (lost.size === 0 && file.tensors.length > 0)) losses.set(file.path, lost)
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
function isLoss({ rule, evidence = {} }: Finding, { kind }: StateFile): boolean {
  if (!KINDS.has(kind)) return false
  if (rule === 'file/truncated') return true
  if (kind === 'safetensors' && (rule === 'file/bad-header' || rule === 'file/overlap')) return true
  if (rule === 'file/checksum') return typeof evidence.record === 'string' && /\/data\/[^/]+$/.test(evidence.record)
  if (rule !== 'file/bad-header') return false
  return evidence.record !== undefined || evidence.lost !== undefined
}

function lostIn({ tensors }: StateFile, damaged: readonly Finding[]): Map<Tensor, string> {
  const recordsOf = (wanted: RuleId) =>
    damaged.flatMap(({ rule, evidence = {} }) =>
      rule === wanted && evidence.misstated === undefined ? [String(evidence.record)] : [],
    )
  const records = { changed: recordsOf('file/checksum'), unreadable: recordsOf('file/bad-header') }
  const lost = new Map(
    tensors.flatMap((tensor) => {
      const why = whyLost(tensor, records)
      return why === undefined ? [] : [[tensor, why] as const]
    }),
  )
  const states = new Set([...lost.keys()].flatMap((tensor) => parameterStateOf(tensor) ?? []))
  for (const tensor of tensors) {
    if (!lost.has(tensor) && states.has(parameterStateOf(tensor) ?? ''))
      lost.set(tensor, 'the rest of the state of its parameter is lost')
  }
  return lost
}

/** Why the values of a tensor are lost; undefined where they are not. `changed` are records that differ from their checksum. */
function whyLost(
  tensor: Tensor,
  { changed, unreadable }: { readonly changed: readonly string[]; readonly unreadable: readonly string[] },
): string | undefined {
  const { shape, blocks, storage, form, doubt } = tensor
  // A tensor without a storage never had values (on the meta device).
  if (numel(shape) === 0 || (blocks.length === 0 && storage === undefined && form === undefined)) return undefined
  if (!isReadable(tensor)) {
    const [block] = blocks
    if (!block) return 'what holds its values is not in the file'
    const there = Math.max(Math.min(block.source.size - block.offset, byteLength(tensor)), 0)
    const isRun = blocks.length === 1 && sameShape(block.strides, contiguousStrides(shape))
    return isRun && there > 0
      ? `the file ends ${there} bytes into its ${byteLength(tensor)}`
      : 'the file ends before its values do'
  }
  const isIn = (records: readonly string[]) => records.some((record) => record.endsWith(`/data/${storage?.key}`))
  if (isIn(changed)) return 'its bytes differ from the checksum stored with them'
  if (isIn(unreadable)) return 'the record that holds its values cannot be read'
  if (!doubt) return undefined
  return doubt.readings.length === 0 && shape.length === 1
    ? `${doubt.why}; a reference may tell which, or you`
    : doubt.why
}

/** Whether no value of the file could be kept. */
export function isAllLost({ tensors }: StateFile, lost: Losses): boolean {
  return tensors.every((tensor) => lost.has(tensor) && !tensor.doubt)
}

/** Whether it has tensors beside those of the file. */
export function hasMore({ files }: Checkpoint, file: StateFile): boolean {
  return files.some((other) => other !== file && other.tensors.length > 0)
}

/** Files that have lost everything, in a checkpoint that has nothing else. */
export function hopelessFiles({
  checkpoint,
  losses,
}: {
  readonly checkpoint: Checkpoint
  readonly losses: ReadonlyMap<string, Losses>
}): Set<string> {
  const files = checkpoint.files.filter((file) => {
    const lost = losses.get(file.path)
    return lost !== undefined && isAllLost(file, lost) && !hasMore(checkpoint, file)
  })
  return new Set(files.map(({ path }) => path))
}

/** The steps, those that save what is whole of a file with the names of what no step among them has from elsewhere. */
export function withLosses(steps: readonly RepairStep[]): RepairStep[] {
  const done = steps.filter(({ confidence }) => confidence === 'certain' || confidence === 'likely')
  const filled = new Set(
    done.flatMap(({ changes = [] }) =>
      changes.flatMap(({ tensor, values, shape }) => (values || shape ? [tensor] : [])),
    ),
  )
  return steps.map((step) => {
    if (!step.salvage) return step
    const { lost: _, gone: __, part: ___, ...rest } = step
    const unfilled = [...step.salvage.lost].filter(([tensor]) => !filled.has(tensor))
    const gone = unfilled.flatMap(([tensor]) => (parameterStateOf(tensor) === undefined ? [tensor.name] : []))
    const anew = [...new Set(unfilled.flatMap(([tensor]) => parameterStateOf(tensor) ?? []))]
    const lost = [...unfilled.map(([{ name }, why]) => `${name}: ${why}`), ...(step.salvage.others ?? [])]
    return {
      ...rest,
      ...(gone.length > 0 && { gone }),
      ...(anew.length > 0 && { part: list(anew) }),
      ...(lost.length > 0 && { lost }),
    }
  })
}

/** What these steps save no values of, a line for each file. */
export function stillLost(steps: readonly RepairStep[]): Unmended[] {
  return steps.flatMap(({ salvage, gone = [] }) => {
    if (!salvage || gone.length === 0) return []
    const doubted = new Set([...salvage.lost.keys()].flatMap(({ doubt, name }) => (doubt ? [name] : [])))
    const told = (names: readonly string[], why: string) => {
      const said = `${list(names)} ${names.length === 1 ? 'is' : 'are'} ${why}`
      return names.length === 0 ? [] : [{ rule: 'weights/missing-tensor', subject: salvage.file, why: said }]
    }
    const [open, lost] = [gone.filter((name) => doubted.has(name)), gone.filter((name) => !doubted.has(name))]
    return [
      ...told(lost, 'lost: the values are in no file that is here; a reference may have them'),
      ...told(open, 'left out until you say what the file means'),
    ]
  })
}
