import { plainOf } from '../decode/pickle/plain-of'
import { wholeTensorValue } from '../decode/pickle/tensor-value'
import { torchShapeOf } from '../decode/pickle/torch'
import { asNumber, mappingOf, PyDict, PyList, type PyValue, sequenceOf } from '../decode/pickle/value'
import { numberOf } from '../decode/plain'
import { blocksOfRuns, concatenated, type FlatPiece, type FlatRun, runsIn } from './flat'
import type { OpenStateFile } from './state-file'
import { byteLength, isWhole, numel, type Tensor } from './tensor'

/** The files of one rank of DeepSpeed, opened as they are: names are paths in their pickles. */
export interface ZeroRank {
  readonly rank: number
  readonly file: OpenStateFile
}

/** What a model states file says of the parameters (deepspeed 0.15, runtime/engine.py `_save_checkpoint`, checkpoint/constants.py). */
export interface ZeroModel {
  /** Parameters that are trained, a list for each group of the optimizer, in the order in which they were flattened. */
  readonly groups: readonly (readonly Parameter[])[]
  readonly frozen: readonly Parameter[]
  /** Names of the module's state dict. */
  readonly names: readonly string[]
  /** Names that share the values of another. */
  readonly shared: ReadonlyMap<string, string>
  readonly worldSize?: number
}

export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
}

/** What the optimizer's files of all ranks say. */
export interface ZeroOptimizer {
  /** 1 to 3; undefined where no file is here that tells. */
  readonly stage?: number
  readonly partitions?: number
}

export function zeroModel(value: PyValue | undefined): ZeroModel {
  const fields = mappingOf(value)
  const listed = fields?.get('param_shapes')
  // The oldest releases have one dict for all groups.
  const groups = (sequenceOf(listed) ?? (mappingOf(listed) ? [listed as PyValue] : [])).map(parametersIn)
  const shared = new Map<string, string>()
  for (const [name, kept] of mappingOf(fields?.get('shared_params')) ?? []) {
    if (typeof name === 'string' && typeof kept === 'string') shared.set(name, kept)
  }
  const names = [...(mappingOf(fields?.get('module'))?.keys() ?? [])].filter((name) => typeof name === 'string')
  const worldSize = asNumber(fields?.get('dp_world_size'))
  const frozen = parametersIn(fields?.get('frozen_param_shapes'))
  return { groups, frozen, names, shared, ...(worldSize !== undefined && { worldSize }) }
}

function parametersIn(value: PyValue | undefined): Parameter[] {
  return [...(mappingOf(value) ?? [])].flatMap(([name, size]) => {
    const shape = torchShapeOf(size)
    return typeof name === 'string' && shape ? [{ name, shape }] : []
  })
}

export function zeroOptimizer(value: PyValue | undefined): ZeroOptimizer {
  const inner = innerState(value)
  const told = inner?.get('zero_stage')
  const stage = told === undefined ? undefined : numberOf(plainOf(told))
  const byForm = inner?.has('fp32_flat_groups') ? 3 : inner?.has('single_partition_of_fp32_groups') ? 2 : undefined
  const count = inner?.get('partition_count')
  const partitions = (sequenceOf(count) ?? (count === undefined ? [] : [count])).map((each) => asNumber(each) ?? 0)
  const most = partitions.reduce((a, b) => Math.max(a, b), 0)
  return { ...((stage ?? byForm) !== undefined && { stage: stage ?? byForm }), ...(most > 0 && { partitions: most }) }
}

const INNER = 'optimizer_state_dict'

function innerState(value: PyValue | undefined): ReadonlyMap<PyValue, PyValue> | undefined {
  return mappingOf(mappingOf(value)?.get(INNER))
}

/** Elements to which the flat partitions of stage 1 and 2 are padded, for each rank (stage_1_and_2.py, nccl_start_alignment_factor). */
const ALIGNMENT = 2

/**
 * The optimizer of ZeRO put together from the files of its ranks, by parameter name: the fp32 master weights as slot `fp32`, and the
 * slots of the optimizer itself. Stage 1 and 2 cut the flat values of a group into one partition for each rank, stage 3 every
 * parameter by itself, padded to a multiple of the ranks. Where ranks are missing the tensors have holes.
 * Source: deepspeed 0.15, utils/zero_to_fp32.py.
 */
export class ZeroState {
  /** Tensors of each file by their path in its pickle. */
  private readonly byPath = new Map<OpenStateFile, ReadonlyMap<string, Tensor>>()

  constructor(
    private readonly model: ZeroModel,
    private readonly ranks: readonly ZeroRank[],
    private readonly worldSize: number,
    private readonly stage: number,
  ) {
    for (const { file } of ranks) this.byPath.set(file, new Map(file.tensors.map((tensor) => [tensor.name, tensor])))
  }

  /** The values of a slot of every trained parameter; `fp32` are the master weights. */
  slot(slot: string): Map<string, Tensor> {
    const found = new Map<string, Tensor>()
    const [first] = this.ranks
    const like = first && this.tensor(first, this.pathOf(first, slot, 0))
    if (!like) return found
    const { dtype, file, component } = like
    const add = ({ name, shape }: Parameter, runs: readonly FlatRun[]) => {
      const blocks = blocksOfRuns(
        shape,
        runs.filter(({ tensor }) => tensor.dtype === dtype),
      )
      found.set(name, { name, dtype, shape, file, component, blocks })
    }
    if (this.stage === 3) this.eachOwn(slot, add)
    else for (const [g, group] of this.model.groups.entries()) this.eachJoined(group, this.partitions(slot, g), add)
    return found
  }

  /** Slots of the optimizer that keep a value for each value of the parameter, such as `exp_avg`. */
  get slots(): string[] {
    const first = this.ranks[0]
    const entries = first && mappingOf(this.baseState(first, 0))
    const own = [...(entries?.keys() ?? [])].filter((key) => typeof key === 'string')
    return own.filter((slot) => first && (this.tensor(first, this.pathOf(first, slot, 0))?.shape[0] ?? 0) > 1)
  }

  /** The count of steps: a number, or a tensor of one. */
  get step(): { value: PyValue; tensor: Tensor | undefined } | undefined {
    const [first] = this.ranks
    const value = first && mappingOf(this.baseState(first, 0))?.get('step')
    return value === undefined || !first
      ? undefined
      : { value, tensor: this.tensor(first, this.pathOf(first, 'step', 0)) }
  }

  /** The groups with the names of their parameters. */
  get groups(): PyList {
    const [first] = this.ranks
    const base = first && mappingOf(this.base(first))
    const told = sequenceOf(base?.get('param_groups')) ?? []
    const groups = this.model.groups.map((parameters, g) => {
      const group = new PyDict()
      for (const [key, value] of mappingOf(told[g]) ?? []) group.entries.set(key, value)
      group.entries.set('params', new PyList(parameters.map(({ name }) => name)))
      return group
    })
    return new PyList(groups)
  }

  /** Stage 1 and 2: the parameters of a group lie one behind another. */
  private eachJoined(
    group: readonly Parameter[],
    pieces: readonly FlatPiece[],
    add: (parameter: Parameter, runs: readonly FlatRun[]) => void,
  ): void {
    let at = 0
    for (const parameter of group) {
      const length = numel(parameter.shape)
      add(parameter, runsIn(pieces, at, length))
      at += length
    }
  }

  /** The partitions of a group, each where its rank's share begins. */
  private partitions(slot: string, g: number): FlatPiece[] {
    const tensors = this.ranks.flatMap((rank) => {
      const tensor = this.tensor(rank, this.pathOf(rank, slot, g))
      return tensor ? [{ rank: rank.rank, tensor }] : []
    })
    const total = (this.model.groups[g] ?? []).reduce((sum, { shape }) => sum + numel(shape), 0)
    const aligned = Math.ceil(total / (ALIGNMENT * this.worldSize)) * ALIGNMENT
    // All but the last are of one length; the padding at the end may have been taken away.
    const longest = tensors.reduce((most, { tensor }) => Math.max(most, numel(tensor.shape)), 0)
    const length = tensors.some(({ rank }) => rank < this.worldSize - 1) ? longest : aligned
    return tensors.map(({ rank, tensor }) => ({ tensor, start: rank * length }))
  }

  /** Stage 3: each rank has its share of every parameter, one behind another, cut into sub-groups anywhere. */
  private eachOwn(slot: string, add: (parameter: Parameter, runs: readonly FlatRun[]) => void): void {
    const flat = this.ranks.map((rank) => ({ rank: rank.rank, pieces: concatenated(this.subGroups(rank, slot)) }))
    let at = 0
    for (const parameter of this.model.groups.flat()) {
      const length = numel(parameter.shape)
      const share = Math.ceil(length / this.worldSize)
      const runs = flat.flatMap(({ rank, pieces }) => {
        const begin = rank * share
        return runsIn(pieces, at, Math.min(share, length - begin), begin)
      })
      add(parameter, runs)
      at += share
    }
  }

  private subGroups(rank: ZeroRank, slot: string): Tensor[] {
    const tensors: Tensor[] = []
    for (let g = 0; ; g++) {
      const tensor = this.tensor(rank, this.pathOf(rank, slot, g))
      if (!tensor) return tensors
      tensors.push(tensor)
    }
  }

  /** Where a slot of group `g` is in the pickle of a rank. */
  private pathOf(rank: ZeroRank, slot: string, g: number): string {
    if (this.stage === 3) {
      return slot === 'fp32' ? `${INNER}.fp32_flat_groups.${g}` : `${INNER}.${INNER}.state.${g}.${slot}`
    }
    if (slot === 'fp32') return `${INNER}.single_partition_of_fp32_groups.${g}`
    const elastic = sequenceOf(this.base(rank)) !== undefined
    return `${INNER}.base_optimizer_state.${elastic ? '' : 'state.'}${g}.${slot}`
  }

  private tensor({ file }: ZeroRank, path: string): Tensor | undefined {
    return this.byPath.get(file)?.get(path)
  }

  /** The state of the optimizer that ZeRO wraps: a state dict, or with elastic checkpoints a list with one state a group. */
  private base({ file }: ZeroRank): PyValue | undefined {
    return innerState(file.value)?.get(this.stage === 3 ? INNER : 'base_optimizer_state')
  }

  private baseState(rank: ZeroRank, g: number): PyValue | undefined {
    const base = this.base(rank)
    return sequenceOf(base)?.[g] ?? mappingOf(mappingOf(base)?.get('state'))?.get(g)
  }
}

/** A state dict of an optimizer as torch would have it, its tensors by their paths in it, and the parameters that lost values. */
export function zeroStateDict(state: ZeroState, file: string): { value: PyDict; tensors: Tensor[]; torn: string[] } {
  const parameters = new PyDict()
  const tensors: Tensor[] = []
  const torn = new Set<string>()
  const slotsOf = (name: string) => {
    const known = parameters.entries.get(name)
    if (known instanceof PyDict) return known.entries
    const slots = new PyDict()
    parameters.entries.set(name, slots)
    return slots.entries
  }
  const { step } = state
  for (const slot of ['fp32', ...state.slots]) {
    for (const [name, tensor] of state.slot(slot)) {
      const path = `state.${name}.${slot}`
      if (!isWhole(tensor)) torn.add(name)
      tensors.push({ ...tensor, name: path, file, component: 'optimizer' })
      slotsOf(name).set(slot, wholeTensorValue(tensor.dtype, tensor.shape, path))
    }
  }
  for (const [name, slots] of step ? parameters.entries : []) {
    if (!step || !(slots instanceof PyDict)) continue
    slots.entries.set('step', step.value)
    if (step.tensor) tensors.push({ ...step.tensor, name: `state.${String(name)}.step`, file, component: 'optimizer' })
  }
  const value = new PyDict()
  value.entries.set('state', parameters).set('param_groups', state.groups)
  return { value, tensors, torn: [...torn] }
}

/**
 * The weights of stage 3 under the names of the module: trained parameters from the fp32 master weights, frozen ones from the fragments
 * in the model states of all ranks, buffers as they are, shared parameters from those that they share. Frozen parameters and buffers keep
 * the dtype in which they were saved: zero_to_fp32.py widens buffers, and with its `dtype` of float32 all, which changes no value.
 */
export function zeroWeights(
  model: ZeroModel,
  state: ZeroState,
  ranks: readonly ZeroRank[],
  worldSize: number,
): Tensor[] {
  const [first] = ranks
  const found = state.slot('fp32')
  const byRank = ranks.map(({ rank, file }) => {
    return { rank, tensors: new Map(file.tensors.map((tensor) => [tensor.name, tensor])) }
  })
  for (const { name, shape } of model.frozen) {
    const length = numel(shape)
    const share = Math.ceil(length / worldSize)
    const runs = byRank.flatMap(({ rank, tensors }) => {
      const tensor = tensors.get(`frozen_param_fragments.${name}`)
      const begin = rank * share
      return tensor ? runsIn([{ tensor, start: 0 }], 0, Math.min(share, length - begin), begin) : []
    })
    const dtype = runs[0]?.tensor.dtype ?? 'float32'
    found.set(name, { name, dtype, shape, file: '', component: 'weights', blocks: blocksOfRuns(shape, runs) })
  }
  const expected = new Map([...model.groups.flat(), ...model.frozen].map((parameter) => [parameter.name, parameter]))
  const file = first?.file.path ?? ''
  const sharers = new Set(model.shared.values())
  const names = model.names.length > 0 ? model.names : [...expected.keys()]
  return names.flatMap((name) => {
    const kept = model.shared.get(name) ?? name
    const parameter = expected.get(kept)
    if (!parameter) {
      const buffer = byRank[0]?.tensors.get(`module.${name}`)
      return buffer ? [{ ...buffer, name, component: 'weights' as const }] : []
    }
    const { shape } = parameter
    const { dtype, blocks } = found.get(kept) ?? { dtype: 'float32' as const, blocks: [] }
    const tensor = { name, dtype, shape, file, component: 'weights' as const, blocks }
    const tied = model.shared.has(name) || sharers.has(name)
    return [tied ? { ...tensor, storage: { key: kept, byteLength: byteLength(tensor) } } : tensor]
  })
}
