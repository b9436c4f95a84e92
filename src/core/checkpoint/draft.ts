import { openFile } from '../bytes/file'
import { joinPath } from '../bytes/folder'
import { readBytes } from '../bytes/source'
import { parseJson } from '../decode/json'
import type { Plain } from '../decode/plain'
import { AssayError } from '../errors'
import { type Finding, findingOf, type RuleId } from '../finding'
import {
  COMPONENTS,
  type Component,
  type ComponentId,
  type ComponentStatus,
  type Counter,
  type GeneratorState,
  type OptimizerState,
  type RngState,
  type SchedulerState,
  type StateFile,
  type StateRecord,
  type TrainingState,
} from './checkpoint'
import type { Listing } from './listing'
import { recognise } from './recognise'
import { type OpenStateFile, openStateFile } from './state-file'
import { epochIn, stepIn, surest } from './training/counters'
import { partsOf } from './training/parts'

/** Largest JSON file that is read: trainer_state.json of a long run has some MB. */
const JSON_LIMIT = 64 << 20

/** A checkpoint while a layout puts it together. */
export class Draft {
  readonly files: OpenStateFile[] = []
  readonly findings: Finding[] = []
  /** Weights that loaders pass over, opened to be held against those that they take. */
  readonly passedOver: OpenStateFile[] = []
  readonly optimizers: OptimizerState[] = []
  readonly schedulers: SchedulerState[] = []
  readonly rng: RngState[] = []
  readonly generators: GeneratorState[] = []
  readonly records: StateRecord[] = []
  readonly counters: Counter[] = []
  config?: Plain
  epoch?: number
  worldSize?: number
  /** Processes that a repair has made the random states for. */
  resizedTo?: number
  private readonly marks = new Map<ComponentId, Component>()
  private readonly held = new Map<ComponentId, StateFile[]>()

  constructor(
    readonly listing: Listing,
    public label: string,
  ) {}

  /** Opens a file of the checkpoint and takes in what it says about the training. `rank` is that of a random state. */
  async open(path: string, component: ComponentId, rank?: number): Promise<StateFile> {
    const file = await openStateFile(joinPath(this.listing.root, path), path, component)
    await this.add(file, rank)
    return file
  }

  /** Takes in a file that a layout has opened itself. It is closed with the checkpoint. */
  async add(file: OpenStateFile, rank?: number): Promise<void> {
    const { path } = file
    this.files.push(file)
    const parts = await partsOf(file, rank)
    for (const id of parts.holds) this.held.set(id, [...this.holders(id), file])
    this.optimizers.push(...parts.optimizers)
    this.schedulers.push(...parts.schedulers)
    this.rng.push(...parts.rng)
    this.generators.push(...parts.generators)
    // An optimizer that was made anew counts from the repair on.
    const renewed = file.rebuilt?.some(({ component = 'optimizer' }) => component === 'optimizer')
    const counted = renewed ? [] : parts.optimizers
    for (const { step } of counted) if (step !== undefined) this.count('optimizer.step', path, step)
    for (const { lastEpoch } of parts.schedulers) {
      if (lastEpoch !== undefined) this.count('scheduler.last_epoch', path, lastEpoch)
    }
    for (const record of parts.records) this.addRecord(record)
  }

  /** Opens weights that loaders pass over. Nothing of them is part of the checkpoint. */
  async passOver(path: string): Promise<void> {
    this.passedOver.push(await openStateFile(joinPath(this.listing.root, path), path, 'weights'))
  }

  /** Reads a JSON file, NaN and Infinity allowed. Undefined, and a finding, when there is none in it. */
  async openJson(path: string): Promise<Plain | undefined> {
    try {
      const source = openFile(joinPath(this.listing.root, path), path)
      try {
        const { kind, finding } = await recognise(source)
        // What is of no known format is no JSON, which the parser says better.
        if (finding && kind !== 'json' && finding.rule !== 'file/unknown-format') {
          this.findings.push(finding)
          return undefined
        }
        if (source.size > JSON_LIMIT) {
          throw new AssayError('file/resource-bomb', `${path} has ${source.size} bytes, too many for a JSON file`, {
            file: path,
          })
        }
        return parseJson(new TextDecoder().decode(await readBytes(source, 0, source.size)), path)
      } finally {
        source.close()
      }
    } catch (error) {
      this.findings.push(findingOf(error, path))
      return undefined
    }
  }

  /** Files that turned out to hold (part of) a component. */
  holders(id: ComponentId): readonly StateFile[] {
    return this.held.get(id) ?? []
  }

  /** Says how a component stands. A later mark replaces an earlier one. */
  mark(id: ComponentId, status: ComponentStatus, files: readonly string[], note?: string): void {
    this.marks.set(id, { id, label: COMPONENTS[id], status, files, ...(note !== undefined && { note }) })
  }

  /** Marks a component by the files that hold it, or as `absent` says when there are none. */
  markFiles(id: ComponentId, files: readonly StateFile[], absent: { status: ComponentStatus; note: string }): void {
    const paths = files.map(({ path }) => path)
    const why = files
      .flatMap(({ findings }) => findings)
      .find(({ rule, severity }) => DAMAGE.has(rule) && severity !== 'info')
    if (files.length === 0) this.mark(id, absent.status, [], absent.note)
    else if (why) this.mark(id, 'damaged', paths, why.message)
    else this.mark(id, 'present', paths)
  }

  component(id: ComponentId): Component {
    return this.marks.get(id) ?? { id, label: COMPONENTS[id], status: 'not-applicable', files: [] }
  }

  count(source: string, file: string, value: number): void {
    this.counters.push({ source, file, value })
  }

  /** Keeps plain values found beside the weights, and the counts of steps and epochs in them. */
  addRecord(record: StateRecord): void {
    this.records.push(record)
    const { file, component, value } = record
    if (component === 'config') this.config ??= value
    if (component !== 'trainer' && component !== 'custom') return
    const step = stepIn(value)
    if (step) this.count(`${stem(file)}.${step.key}`, file, step.value)
    this.epoch ??= epochIn(value)?.value
  }

  components(): Component[] {
    return (Object.keys(COMPONENTS) as ComponentId[]).map((id) => this.component(id))
  }

  state(): TrainingState {
    const { epoch, worldSize, resizedTo, counters, optimizers, schedulers, rng, generators, records } = this
    const step = surest(counters, { processes: worldSize ?? 1, ...(epoch !== undefined && { epoch }) })
    return {
      ...(step !== undefined && { step }),
      ...(epoch !== undefined && { epoch }),
      ...(worldSize !== undefined && { worldSize }),
      // What a training has written over since is its own.
      ...(resizedTo !== undefined && resizedTo === worldSize && { resized: true as const }),
      counters,
      optimizers,
      schedulers,
      rng,
      generators,
      records,
    }
  }

  close(): void {
    for (const file of [...this.files, ...this.passedOver]) file.close()
  }
}

/** Findings after which part of a file cannot be used. */
const DAMAGE: ReadonlySet<RuleId> = new Set<RuleId>([
  'file/truncated',
  'file/empty',
  'file/zeroed',
  'file/not-downloaded',
  'file/not-a-checkpoint',
  'file/unknown-format',
  'file/bad-header',
  'file/overlap',
  'file/checksum',
  'file/unreadable',
  'file/resource-bomb',
  'pickle/malformed',
])

/** Name of a file without its folder and its extension. */
function stem(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(0, dot) : name
}
