import type { Checkpoint } from '../../checkpoint/checkpoint'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { fieldsOf, type Plain } from '../../decode/plain'
import { loraOf, ranksOf } from '../adapter/lora'
import { matchOf } from '../architectures/match'
import { misfitOf } from '../architectures/misfit'
import { MOMENT_SLOTS } from './moments'
import { isNormName, layerName, patternOf, unwrapped } from './names'
import type { Neighbour } from './rank-split'
import { familyOf, isNamedFamily, plays, type Role } from './roles'
import { biasNameOf, directionNameOf, gainShapes, isWeightName, weightNamesOf } from './weight-norm'
import { configFor, type Widths, widthsOf } from './widths'

/** A shape that a tensor should have, and who says so. */
export interface Expected {
  readonly shape: readonly number[]
  /** As in a sentence: `config.json`, `layers.1.fc1.weight`, `the optimizer's moments`. */
  readonly source: string
}

/** A role of the model, in the config's widths. */
export interface Part {
  readonly role: Role
  readonly shape: readonly number[]
}

/**
 * What is known of the shapes that tensors should have, collected once for a checkpoint: from its config, from equal
 * layers, from the optimizer, from a bias. Asked only about tensors that look wrong, never to doubt one that looks right.
 */
export class ShapeEvidence {
  private indexed: WeightIndex | undefined
  private readonly moments = new Map<string, readonly number[]>()
  private readonly momentsBySize = new Map<number, (readonly number[])[]>()
  private lora: ReadonlyMap<Tensor, LoraFactor> | undefined
  private readonly scopes = new Map<Plain | undefined, Scope>()

  constructor(private readonly checkpoint: Checkpoint) {
    for (const [name, shape] of momentShapes(checkpoint)) {
      if (name !== undefined) this.moments.set(unwrapped(name), shape)
      const size = numel(shape)
      const known = this.momentsBySize.get(size)
      if (!known) this.momentsBySize.set(size, [shape])
      else if (known.every((each) => String(each) !== String(shape))) known.push(shape)
    }
  }

  /** Made when the first tensor looks wrong: of a million sound ones it would take seconds and hundreds of megabytes. */
  private get weights(): WeightIndex {
    this.indexed ??= indexOf(weightsOf(this.checkpoint))
    return this.indexed
  }

  /** The shape that the config or the optimizer gives to a tensor of this name, whatever it holds. */
  byName(tensor: Tensor): Expected | undefined {
    const moments = this.moments.get(unwrapped(tensor.name))
    if (moments) return { shape: moments, source: "the optimizer's moments" }
    const shape = matchOf(this.checkpoint)?.present.get(tensor)?.shape ?? this.partOf(tensor)?.shape
    return shape && { shape, source: 'config.json' }
  }

  /** A shape of two or more dimensions that holds exactly the tensor's values. */
  bySize(tensor: Tensor): Expected | undefined {
    const size = numel(tensor.shape)
    const named = this.byName(tensor)
    if (named && named.shape.length > 1 && numel(named.shape) === size) return named
    // Of an architecture that is known, nothing else can be right.
    if (matchOf(this.checkpoint)?.present.has(tensor)) return undefined
    const equal = this.inOtherLayers(tensor)
    if (equal && numel(equal.shape) === size) return equal
    const gain = this.asGain(tensor)
    if (gain) return gain
    // Moments under no name: believed for a weight that is no norm, if all moments of this size have one shape.
    const [moments, another] = this.momentsBySize.get(size) ?? []
    if (!moments) return undefined
    if (another || moments.length < 2 || !this.couldBeMatrix(tensor)) return this.asFactor(tensor)
    return { shape: moments, source: "the optimizer's moments" }
  }

  /** Of the gain of a weight norm its shape beside the direction, where that was flattened as well or moments have it so. */
  private asGain(tensor: Tensor): Expected | undefined {
    // A tensor may be called by the empty name.
    const name = directionNameOf(tensor.name)
    const direction = name === undefined ? undefined : this.weights.byName.get(key(tensor.file, name))
    if (!direction) return undefined
    const isFlat = direction.shape.length === 1
    const told = isFlat ? this.bySize(direction) : { shape: direction.shape, source: direction.name }
    if (!told) return undefined
    const size = numel(tensor.shape)
    const fitting = gainShapes(told.shape, size)
    const moments = new Set(this.momentsBySize.get(size)?.map(String))
    const kept = fitting.filter((shape) => moments.has(String(shape)))
    const [shape, another] = kept.length > 0 ? kept : isFlat ? fitting : []
    return shape && !another ? { shape, source: told.source } : undefined
  }

  /** Of a factor of a LoRA the only shape among the moments of its size that has the rank where it belongs. */
  private asFactor(tensor: Tensor): Expected | undefined {
    this.lora ??= factorsOf(this.checkpoint)
    const factor = this.lora.get(tensor)
    if (!factor) return undefined
    const fitting = this.momentsBySize.get(numel(tensor.shape))?.filter((shape) => shape[factor.at] === factor.rank)
    const [shape, another] = fitting ?? []
    return shape && shape.length > 1 && !another
      ? { shape, source: "the rank in adapter_config.json, with the optimizer's moments," }
      : undefined
  }

  /**
   * The shape that the config gives to a tensor of several dimensions, where that is beyond doubt: by an architecture known to
   * the last parameter, or by a role of a family that the config names, for as many values as the tensor has.
   */
  exactly(tensor: Tensor): readonly number[] | undefined {
    const known = matchOf(this.checkpoint)?.present.get(tensor)?.shape
    if (known || !this.scopeOf(tensor).named) return known
    const shape = this.partOf(tensor)?.shape
    return shape && numel(shape) === numel(tensor.shape) ? shape : undefined
  }

  /** The shape of the same part of another layer. */
  inOtherLayers({ name }: Tensor): Expected | undefined {
    const equal = this.weights.byPart.get(layerPart(name) ?? '')
    return equal && { shape: equal.shape, source: equal.name }
  }

  /** Whether a one-dimensional tensor may be a matrix by its name and its bias; that of a norm has as many values as its bias. */
  couldBeMatrix(tensor: Tensor): boolean {
    const { name, shape } = tensor
    return isWeightName(name) && !isNormName(name) && this.biasOf(tensor) !== numel(shape)
  }

  /** Whether an architecture or moments tell that a tensor of one dimension is right so. */
  isVector(tensor: Tensor): boolean {
    if (matchOf(this.checkpoint)?.present.has(tensor)) return true
    const moments = this.momentsBySize.get(numel(tensor.shape))
    return moments?.length === 1 && moments[0]?.length === 1
  }

  /** The role the config gives to the tensor, if all of the role's widths are known. */
  partOf(tensor: Tensor): Part | undefined {
    const { parts } = this.scopeOf(tensor)
    if (parts.length === 0) return undefined
    const pattern = patternOf(unwrapped(tensor.name))
    return parts.find(({ role }) => plays(role, pattern))
  }

  /**
   * Parameters that FSDP may have joined with this one: those that follow it in the same unit (the layer, or what is in no
   * layer) and that the file does not hold, or holds without values.
   */
  followers(tensor: Tensor): Neighbour[] {
    const { parts, tied } = this.scopeOf(tensor)
    const own = this.partOf(tensor)
    if (!own) return []
    return parts.slice(parts.indexOf(own) + 1).flatMap(({ role, shape }) => {
      const name = role.suffixes[0] as string
      if (role.unit !== own.role.unit || (tied && name === 'lm_head.weight')) return []
      const there = this.sibling(tensor, own.role, role)
      if (role.variant && !there) return []
      return there && numel(there.shape) > 0 ? [] : [{ name: there?.name ?? name, numel: numel(shape) }]
    })
  }

  /** The tensor of the same file that plays `role` where `tensor` plays `own`. */
  private sibling(tensor: Tensor, own: Role, role: Role): Tensor | undefined {
    const suffix = own.suffixes.find((each) => tensor.name.endsWith(each))
    const prefix = suffix === undefined ? '' : tensor.name.slice(0, -suffix.length)
    for (const each of role.suffixes) {
      // The head stands outside of what holds the rest: `model.embed_tokens`, but `lm_head`.
      const outer = prefix.replace(/(model|transformer)\.$/, '')
      const found =
        this.weights.byName.get(key(tensor.file, prefix + each)) ??
        this.weights.byName.get(key(tensor.file, outer + each))
      if (found) return found
    }
    return undefined
  }

  /** Length of the bias beside a weight: one dimension of the weight has that size. */
  biasOf({ file, name }: Tensor): number | undefined {
    const bias = this.weights.byName.get(key(file, biasNameOf(name) ?? ''))
    return bias && bias.shape.length === 1 && bias.shape[0] !== 0 ? bias.shape[0] : undefined
  }

  /** The weight beside a bias, under its own name or as weight norm keeps its direction. */
  weightOf({ file, name }: Tensor): Tensor | undefined {
    return weightNamesOf(name).flatMap((each) => this.weights.byName.get(key(file, each)) ?? [])[0]
  }

  /** Whether the same part of another layer is a vector of more than one value. */
  isLongElsewhere({ name }: Tensor): boolean {
    return this.weights.longParts.has(layerPart(name) ?? '')
  }

  private scopeOf(tensor: Tensor): Scope {
    const config = misfitOf(this.checkpoint) ? undefined : configFor(tensor.name, this.checkpoint.config)
    const known = this.scopes.get(config)
    if (known) return known
    const tied = fieldsOf(config)?.tie_word_embeddings === true
    const widths = widthsOf(config)
    const family = familyOf(config)
    const parts = family.roles.flatMap((role) => inWidths(role, widths) ?? [])
    const quantized = fieldsOf(config)?.quantization_config !== undefined
    const scope = { parts, tied, named: isNamedFamily(family) && !quantized }
    this.scopes.set(config, scope)
    return scope
  }
}

interface LoraFactor {
  readonly rank: number
  /** The dimension that it is the extent of. */
  readonly at: 0 | 1
}

function factorsOf(checkpoint: Checkpoint): Map<Tensor, LoraFactor> {
  const factors = new Map<Tensor, LoraFactor>()
  const lora = loraOf(checkpoint)
  for (const factor of lora?.factors ?? []) {
    const [rank, another] = lora ? ranksOf(factor, lora) : []
    if (rank !== undefined && another === undefined)
      factors.set(factor.tensor, { rank, at: factor.side === 'A' ? 0 : 1 })
  }
  return factors
}

interface WeightIndex {
  /** By file and name. */
  readonly byName: ReadonlyMap<string, Tensor>
  /** One matrix of each part that layers have in common. */
  readonly byPart: ReadonlyMap<string, Tensor>
  /** Parts that are vectors of more than one value in some layer. */
  readonly longParts: ReadonlySet<string>
}

function indexOf(weights: readonly Tensor[]): WeightIndex {
  const byName = new Map<string, Tensor>()
  const byPart = new Map<string, Tensor>()
  const longParts = new Set<string>()
  for (const tensor of weights) {
    byName.set(key(tensor.file, tensor.name), tensor)
    const part = layerPart(tensor.name)
    if (part !== undefined && tensor.shape.length > 1 && numel(tensor.shape) > 0) byPart.set(part, tensor)
    if (part !== undefined && tensor.shape.length === 1 && numel(tensor.shape) > 1) longParts.add(part)
  }
  return { byName, byPart, longParts }
}

interface Scope {
  /** In the order of registration; those whose widths the config tells. */
  readonly parts: readonly Part[]
  /** The head has no weight of its own. */
  readonly tied: boolean
  /** The config names the family, and the weights are as the family has them. */
  readonly named: boolean
}

/** The tensors that make up the model: weights and adapters. */
export function weightsOf(checkpoint: Checkpoint): Tensor[] {
  return checkpoint.tensors.filter(({ component }) => component === 'weights' || component === 'adapter')
}

function inWidths(role: Role, widths: Widths): Part | undefined {
  const shape = role.dims.map((name) => widths[name])
  return shape.every((width) => width !== undefined) ? { role, shape } : undefined
}

/** `layers.*.mlp.up_proj.weight`: the layer's number left open, the rest as it is. Only for parts with a name of their own. */
function layerPart(name: string): string | undefined {
  const layer = layerName(name)
  return layer && /^[a-z_]\w*\./i.test(layer.rest) ? `${layer.container}.*.${layer.rest}` : undefined
}

function key(file: string, name: string): string {
  return `${file}\0${name}`
}

/** Shapes of the parameters as the optimizer has them, by name where the optimizer tells names. */
function* momentShapes({ state }: Checkpoint): Generator<[string | undefined, readonly number[]]> {
  for (const { groups, parameters } of state.optimizers) {
    const names = new Map<number | string, string>()
    for (const { params, names: given } of groups) {
      params.forEach((param, i) => {
        const name = given?.[i] ?? (typeof param === 'string' ? param : undefined)
        if (name !== undefined) names.set(param, name)
      })
    }
    for (const { key: param, tensors } of parameters) {
      const slot = MOMENT_SLOTS.find((each) => tensors[each])
      const shape = slot === undefined ? undefined : tensors[slot]?.shape
      if (shape) yield [names.get(param), shape]
    }
  }
}
