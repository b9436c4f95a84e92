import type { Checkpoint } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import { type Expected, ShapeEvidence, weightsOf } from './evidence'
import { isNormName, isParameterName, isRankFile } from './names'
import { agreedRanks, type Split, splitsOf } from './rank-split'
import { isWeightName } from './weight-norm'

/** What is wrong with the shape of one tensor. The kinds exclude each other: one wants a reshape, another forbids it. */
export type Diagnosis =
  /** All values are there in one dimension. `shape` where it is known, else the length `rows` of one of its dimensions. */
  | { kind: 'flattened'; tensor: Tensor; expected: Expected }
  | { kind: 'flattened-rows'; tensor: Tensor; rows: number }
  /** In a file of which all matrices were flattened, and of a length that no vector of it has; nothing tells the shape. */
  | { kind: 'flattened-alike'; tensor: Tensor }
  /** One rank's part of a flat parameter; `split` where the arithmetic tells how it was cut. */
  | { kind: 'rank-shard'; tensor: Tensor; expected?: Expected; split?: Split }
  /** No values where values belong. */
  | { kind: 'placeholder'; tensor: Tensor; expected?: Expected; swallowedBy?: Tensor }
  /** A whole number of times the expected values; whether these are known beyond doubt. */
  | { kind: 'multiple'; tensor: Tensor; expected: Expected; times: number; certain: boolean }
  /** Another number of values than expected, in no way that can be explained. */
  | { kind: 'misshapen'; tensor: Tensor; expected: Expected }

const known = new WeakMap<Checkpoint, readonly Diagnosis[]>()

/** What is wrong with the shapes of the weights, in the order of the tensors. Looks at names and shapes, reads no values. */
export function diagnose(checkpoint: Checkpoint): readonly Diagnosis[] {
  const made = known.get(checkpoint) ?? [...new Doctor(checkpoint).diagnose()]
  known.set(checkpoint, made)
  return made
}

class Doctor {
  private readonly evidence: ShapeEvidence
  private readonly weights: readonly Tensor[]
  private readonly splits = new Map<Tensor, Split[]>()
  private readonly unfilled: Unfilled
  private lostBiases: readonly Tensor[] | undefined

  constructor(private readonly checkpoint: Checkpoint) {
    this.evidence = new ShapeEvidence(checkpoint)
    this.weights = weightsOf(checkpoint)
    this.unfilled = unfilledFiles(this.weights)
  }

  diagnose(): Diagnosis[] {
    const seen = this.weights.flatMap((tensor) => this.look(tensor) ?? [])
    const found = [...seen, ...this.alike(seen)]
    const ranks = agreedRanks([...this.splits.values()], this.checkpoint.state.worldSize)
    const settled = found.map((each) => this.settle(each, ranks))
    const holders = new Map<string, Tensor>()
    for (const each of settled) {
      if (each.kind !== 'rank-shard') continue
      for (const name of each.split?.swallowed ?? []) holders.set(`${each.tensor.file}\0${name}`, each.tensor)
    }
    return settled.map((each) => {
      const swallowedBy = holders.get(`${each.tensor.file}\0${each.tensor.name}`)
      return each.kind === 'placeholder' && swallowedBy ? { ...each, swallowedBy } : each
    })
  }

  private look(tensor: Tensor): Diagnosis | undefined {
    const { shape } = tensor
    const size = numel(shape)
    if (size === 0) return this.lookAtEmpty(tensor)
    if (shape.length > 1) return this.lookAtMatrix(tensor)
    if (shape.length !== 1 || !isFloating(tensor.dtype)) return undefined
    if (size === 1) return this.lookAtSingle(tensor)
    const whole = this.evidence.bySize(tensor)
    if (whole) return { kind: 'flattened', tensor, expected: whole }
    const expected = this.evidence.byName(tensor)
    if (expected) return this.lookAtSize(tensor, size, expected)
    const raw = isRankFile(tensor.file) && this.unfilled.flat.has(tensor.file)
    if (raw && this.evidence.couldBeMatrix(tensor)) return { kind: 'rank-shard', tensor }
    const rows = this.evidence.biasOf(tensor)
    if (rows === undefined || rows === size || size % rows !== 0 || isNormName(tensor.name)) return undefined
    return { kind: 'flattened-rows', tensor, rows }
  }

  /** Weights in whose file matrices were flattened, or were until a repair gave them their shapes back. */
  private alike(seen: readonly Diagnosis[]): Diagnosis[] {
    const mended = new Map(this.checkpoint.files.map(({ path, reshaped = [] }) => [path, new Set(reshaped)]))
    const told = new Set(seen.map(({ tensor }) => tensor))
    const isMatrix = (tensor: Tensor) => tensor.shape.length > 1 && numel(tensor.shape) > 0
    const files = new Set(seen.flatMap(({ kind, tensor }) => (kind.startsWith('flattened') ? [tensor.file] : [])))
    for (const [path, names] of mended) if (names.size > 0) files.add(path)
    return [...files].flatMap((file) => {
      const own = this.weights.filter((tensor) => tensor.file === file)
      if (own.some((tensor) => isMatrix(tensor) && !mended.get(file)?.has(tensor.name))) return []
      const widths = new Set([
        ...seen.flatMap((each) => ('expected' in each ? (each.expected?.shape ?? []) : [])),
        ...own.filter(isMatrix).flatMap(({ shape }) => shape),
      ])
      const vectors = own.filter(({ name }) => isNormName(name) || !isWeightName(name)).map(({ shape }) => numel(shape))
      const usual = new Set([...widths, ...vectors])
      return own.flatMap((tensor): Diagnosis[] => {
        const size = numel(tensor.shape)
        const isVector = tensor.shape.length !== 1 || size < 2 || !isFloating(tensor.dtype) || usual.has(size)
        if (told.has(tensor) || isVector || !this.evidence.couldBeMatrix(tensor) || this.evidence.isVector(tensor))
          return []
        return [{ kind: 'flattened-alike', tensor }]
      })
    })
  }

  /** A size of 0 is a lost parameter when it bears a parameter's name; buffers may be empty, tables may have no rows. */
  private lookAtEmpty(tensor: Tensor): Diagnosis | undefined {
    const expected = this.evidence.byName(tensor) ?? this.evidence.inOtherLayers(tensor)
    const wanted = expected !== undefined && numel(expected.shape) > 0
    const lost = tensor.shape.length === 1 && isParameterName(tensor.name)
    if (!wanted && !lost && !this.unfilled.empty.has(tensor.file)) return undefined
    return { kind: 'placeholder', tensor, ...(wanted && { expected }) }
  }

  /** ZeRO-3 of old left [1] for a partitioned parameter. Norms over one channel, PReLUs and biases of one output have it too. */
  private lookAtSingle(tensor: Tensor): Diagnosis | undefined {
    const expected =
      this.evidence.byName(tensor) ?? (tensor.name.endsWith('weight') ? this.evidence.inOtherLayers(tensor) : undefined)
    if (expected) return numel(expected.shape) > 1 ? { kind: 'placeholder', tensor, expected } : undefined
    if (this.isLostBias(tensor)) return { kind: 'placeholder', tensor }
    if (!tensor.name.endsWith('.weight')) return undefined
    const beside = (this.evidence.biasOf(tensor) ?? 1) > 1
    return beside || (this.unfilled.singles.has(tensor.file) && !isNormName(tensor.name))
      ? { kind: 'placeholder', tensor }
      : undefined
  }

  /**
   * A bias of one value beside a weight that wants more. Only a scalar that a script keeps beside a matrix looks so as well: one
   * such bias is believed for its norm or its like in another layer, several are believed for one another.
   */
  private isLostBias(tensor: Tensor): boolean {
    if (!this.couldBeLostBias(tensor)) return false
    if (isNormName(tensor.name) || this.evidence.isLongElsewhere(tensor)) return true
    this.lostBiases ??= this.weights.filter((each) => isSingle(each.shape) && this.couldBeLostBias(each))
    return this.lostBiases.some((each) => each !== tensor && each.file === tensor.file)
  }

  /** That of a convolution that was transposed, and that of GPT-2's Conv1D, is as long as the weight's second extent. */
  private couldBeLostBias(tensor: Tensor): boolean {
    const shape = this.evidence.weightOf(tensor)?.shape ?? []
    if (shape.length === 1) return isNormName(tensor.name) && numel(shape) > 1
    return shape.length > 1 && shape.slice(0, 2).every((extent) => extent > 1)
  }

  /** A tensor whose shape is known beyond doubt; elsewhere a shape of several dimensions is believed. */
  private lookAtMatrix(tensor: Tensor): Diagnosis | undefined {
    const shape = this.evidence.exactly(tensor)
    if (!shape || sameShape(shape, tensor.shape) || isRankFile(tensor.file) || !isFloating(tensor.dtype))
      return undefined
    return { kind: 'misshapen', tensor, expected: { shape, source: 'config.json' } }
  }

  /** Another number of values than the tensor should have. */
  private lookAtSize(tensor: Tensor, size: number, expected: Expected): Diagnosis | undefined {
    const wanted = numel(expected.shape)
    const certain = this.evidence.exactly(tensor) !== undefined && !isRankFile(tensor.file)
    if (wanted === size || (expected.shape.length === 1 && isNormName(tensor.name) && !certain)) return undefined
    if (size > wanted && size % wanted === 0)
      return { kind: 'multiple', tensor, expected, times: size / wanted, certain }
    if (expected.shape.length === 1) return certain ? { kind: 'misshapen', tensor, expected } : undefined
    const splits = splitsOf(size, wanted, this.evidence.followers(tensor))
    if (splits.length > 0) this.splits.set(tensor, splits)
    if (splits.length > 0 || isRankFile(tensor.file)) return { kind: 'rank-shard', tensor, expected }
    return { kind: 'misshapen', tensor, expected }
  }

  /** Gives a rank's part the split into as many ranks as the whole checkpoint agrees on. */
  private settle(diagnosis: Diagnosis, ranks: number | undefined): Diagnosis {
    if (diagnosis.kind !== 'rank-shard') return diagnosis
    const splits = this.splits.get(diagnosis.tensor) ?? []
    const split = splits.find((each) => each.ranks === ranks) ?? splits[0]
    return split ? { ...diagnosis, split } : diagnosis
  }
}

/** Files in which matrices have gone missing as a whole. */
interface Unfilled {
  /** Every tensor has the size 0. */
  readonly empty: ReadonlySet<string>
  /** No tensor has two dimensions, and at least two weights that are no norms have the shape [1]. */
  readonly singles: ReadonlySet<string>
  /** No tensor has two dimensions. */
  readonly flat: ReadonlySet<string>
}

function unfilledFiles(weights: readonly Tensor[]): Unfilled {
  const all = new Set(weights.map(({ file }) => file))
  const filled = new Set(weights.filter(({ shape }) => numel(shape) > 0).map(({ file }) => file))
  const matrices = new Set(weights.filter(({ shape }) => shape.length > 1 && numel(shape) > 0).map(({ file }) => file))
  const single = weights.filter(({ shape, name }) => isSingle(shape) && name.endsWith('.weight') && !isNormName(name))
  const singles = new Map<string, number>()
  for (const { file } of single) singles.set(file, (singles.get(file) ?? 0) + 1)
  const without = (some: ReadonlySet<string>) => new Set([...all].filter((file) => !some.has(file)))
  const flat = without(matrices)
  return { empty: without(filled), singles: new Set([...flat].filter((file) => (singles.get(file) ?? 0) > 1)), flat }
}

function isSingle(shape: readonly number[]): boolean {
  return shape.length === 1 && shape[0] === 1
}
