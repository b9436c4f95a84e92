import type { Checkpoint, Component, ComponentId } from '../checkpoint/checkpoint'
import { type Finding, finding, type RuleId } from '../finding'
import { list } from './text'

/** Findings after which the weights are not those of a model: nothing can be resumed from them, with or without an optimizer. */
const UNUSABLE: ReadonlySet<RuleId> = new Set<RuleId>([
  'weights/missing-tensor',
  'weights/flattened',
  'weights/rank-shard',
  'weights/placeholder',
  'weights/replicated',
  'weights/shape-mismatch',
])

/** File findings that leave the values as they are. */
const HARMLESS: ReadonlySet<RuleId> = new Set<RuleId>(['file/odd-name', 'file/path-escape'])

const RESUMING: ReadonlySet<ComponentId> = new Set<ComponentId>(['optimizer', 'scheduler', 'scaler', 'sampler', 'rng'])

/**
 * The components as they stand after the rules have spoken: damaged where an error concerns them, as long as anything of them
 * can be read. Where the weights were saved without their shapes or in part, or the file was never one that could be loaded,
 * and no training state came with them, its absence is not what is amiss, and it is not asked for. A file that a copy or a
 * crash has damaged is another matter: the whole one would lack that state as well. Of another framework's folder nothing is
 * said at all.
 */
export function settle(checkpoint: Checkpoint, findings: readonly Finding[]): Component[] {
  const foreign = foreignFinding(checkpoint, findings)
  if (foreign) {
    return checkpoint.components.map((each) => ({
      ...each,
      status: 'not-applicable',
      note: 'Assay does not read this format',
    }))
  }
  const errors = findings.filter(({ severity }) => severity === 'error')
  const unusable = errors.find(({ rule }) => UNUSABLE.has(rule))
  const hopeless = unusable ?? errors.find((error) => wasWrittenSo(error, checkpoint))
  const bare = !checkpoint.components.some(({ id, status }) => RESUMING.has(id) && status === 'present')
  return checkpoint.components.map((component) => {
    const { id, status } = component
    if (status === 'present') {
      const error = errors.find((each) => concerns(each, component, checkpoint))
      return error ? { ...component, status: 'damaged', note: error.message } : component
    }
    if (hopeless && bare && status === 'missing' && RESUMING.has(id)) {
      return { ...component, status: 'not-applicable', note: 'There are no usable weights; nothing could be resumed' }
    }
    // Of a whole file without a value nothing can be mended, with or without a config.
    const mendable =
      unusable &&
      componentOf(unusable, checkpoint) !== 'adapter' &&
      !checkpoint.files.some(({ path }) => path === unusable.subject)
    if (mendable && id === 'config' && status === 'not-applicable') {
      return {
        ...component,
        status: 'missing',
        note: 'No config.json, which would tell what belongs here and in what shape',
      }
    }
    return component
  })
}

/** The finding that the whole checkpoint is in a format of another framework, which is not read. */
function foreignFinding({ name, tensors }: Checkpoint, findings: readonly Finding[]): Finding | undefined {
  if (tensors.length > 0) return undefined
  return findings.find(
    ({ rule, severity, subject }) => rule === 'file/unknown-format' && severity !== 'info' && subject === name,
  )
}

/**
 * What no copy and no crash makes of a file: a bomb, a header that can be read and describes no tensor that could exist, a
 * storage that its writer left shorter than the pickle claims, a dtype that cannot be loaded again.
 */
function wasWrittenSo({ rule, subject, evidence }: Finding, { files, components }: Checkpoint): boolean {
  if (rule === 'file/resource-bomb' || evidence?.asWritten === true) return true
  const empty = components.some(({ id, status }) => id === 'weights' && status === 'missing')
  return empty && rule === 'file/bad-header' && !files.some(({ path }) => path === subject)
}

function concerns({ rule, subject, evidence }: Finding, { id, files }: Component, checkpoint: Checkpoint): boolean {
  const family = rule.slice(0, rule.indexOf('/'))
  if (family === 'file') return !HARMLESS.has(rule) && files.includes(subject)
  if (rule === 'pickle/malformed') return files.includes(subject)
  if (family !== 'weights') return family === id
  return id === componentOf({ subject, evidence }, checkpoint)
}

/** What the tensor of a finding belongs to, or would if it were here. */
function componentOf({ subject, evidence }: Pick<Finding, 'subject' | 'evidence'>, { tensors }: Checkpoint): unknown {
  const file = typeof evidence?.file === 'string' ? evidence.file : undefined
  const part = tensors.find(({ name, file: at }) => name === subject && (file === undefined || at === file))
  return part?.component ?? evidence?.component ?? 'weights'
}

/** The rule that tells that a component is missing. */
export const MISSING: { readonly [id in ComponentId]?: RuleId } = {
  weights: 'weights/missing',
  config: 'config/missing',
  tokenizer: 'tokenizer/missing',
  optimizer: 'optimizer/missing',
  scheduler: 'scheduler/missing',
  scaler: 'scaler/missing',
  sampler: 'sampler/missing',
  rng: 'rng/missing',
  trainer: 'trainer/missing',
}

/** A finding for each component that should be there and is not, unless its files have already said why. */
export function missingFindings(
  checkpoint: Checkpoint,
  components: readonly Component[],
  findings: readonly Finding[],
): Finding[] {
  return components.flatMap((component) => {
    const { id, label, status, files, note } = component
    const said = findings.some(({ severity, subject }) => severity === 'error' && files.includes(subject))
    if (id === 'adapter') return adapterFindings(component, findings)
    const rule = MISSING[id]
    // A file that can be read and lacks what belongs in it is told here, where nothing else says what is wrong.
    const told = findings.some(({ severity, subject }) => severity === 'error' || files.includes(subject))
    const bare = status === 'damaged' && files.length > 0 && !told
    if ((status !== 'missing' && !bare) || said || rule === undefined) return []
    const message = note ?? `${label}: nothing of it is here`
    if (id === 'rng' && files.length > 0) return missingRanks(checkpoint, message)
    return [finding(rule, checkpoint.name, message)]
  })
}

function adapterFindings({ status, files, note }: Component, findings: readonly Finding[]): Finding[] {
  if (findings.some(({ rule, subject }) => rule === 'adapter/empty' || files.includes(subject))) return []
  const config = files.some((file) => file.endsWith('adapter_config.json'))
  if (status === 'missing') {
    return [
      finding(
        'adapter/missing-weights',
        'adapter_model.safetensors',
        note ?? 'The weights of the adapter are not here',
      ),
    ]
  }
  if (status !== 'damaged' || config) return []
  return [
    finding('adapter/missing-config', 'adapter_config.json', note ?? 'adapter_config.json is not here', {
      repair: 'Write adapter_config.json anew: rank and targets follow from the weights, the scaling has to be known',
    }),
  ]
}

/** Some ranks' random states are here, others are not. */
function missingRanks({ state }: Checkpoint, message: string): Finding[] {
  const have = new Set(state.rng.map(({ rank }) => rank))
  const example = state.rng.find(({ rank }) => rank !== undefined)
  const gone = Array.from({ length: Math.min(state.worldSize ?? 0, 10_000) }, (_, rank) => rank).filter(
    (rank) => !have.has(rank),
  )
  const names = gone.map((rank) => example?.file.replace(/\d+(?=\.\w+$)/, String(rank)) ?? `rank ${rank}`)
  return [finding('rng/missing', list(names) || 'random states', message, { evidence: { ranks: gone.slice(0, 1000) } })]
}
