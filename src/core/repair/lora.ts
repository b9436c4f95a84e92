import { decodeValues } from '../analysis/decode-values'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { type DType, isFloating } from '../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../checkpoint/tensor'
import { readAll, readBlocks } from '../checkpoint/values'
import { AssayError, throwIfAborted } from '../errors'
import { type OutputTensor, outputOf } from '../write/output'
import { castTo, rounded } from './cast'
import { type LoraConfig, loraConfigOf, scalingOf } from './lora-config'

/** A base with an adapter in it. */
export interface Merge {
  /** Tensors of the base with other values, and how those come. */
  readonly merged: ReadonlyMap<Tensor, OutputTensor>
  /** Tensors of the adapter that the base does not have: a head that was trained with it. */
  readonly added: readonly Tensor[]
}

/** The factors of one weight. `kind`: those of an embedding are kept the other way round. */
interface Factors {
  kind: 'linear' | 'embedding'
  a?: Tensor
  b?: Tensor
  bias?: Tensor
  magnitude?: Tensor
}

/** A factor is held in memory; the largest, of an embedding of 256k tokens and rank 256, has this many bytes. */
const MOST_BYTES = 2 ** 28

/** `base_model.model.` stands before all names of an adapter (peft 0.21, `utils/save_and_load.py`). */
const PREFIX = /^base_model\.model\./
const FACTOR = /^(.*)\.lora_(?:(embedding_)?([AB])(?:\.(weight|bias))?|(magnitude_vector)(?:\.weight)?)$/

/**
 * Merges a LoRA adapter into its base as `merge_and_unload` does: W + scaling * B@A in float32, rounded to the dtype of
 * W; modules that were saved whole take the place of those of the base. Reads the factors, each once and one weight at
 * a time, when values are asked for. Throws `usage`, in words, where the adapter is no plain LoRA or does not fit the base.
 */
export async function mergedWith(base: Checkpoint, adapter: Checkpoint, signal?: AbortSignal): Promise<Merge> {
  throwIfAborted(signal)
  const config = loraConfigOf(adapter.config, adapter.name)
  const targets = new Targets(base, adapter)
  const factors = new Map<string, Factors>()
  const merged = new Map<Tensor, OutputTensor>()
  const added: Tensor[] = []
  const tensors = adapter.tensors.filter(({ component }) => component === 'adapter')
  if (tensors.length === 0) throw new AssayError('usage', `${adapter.name} holds no adapter`, { file: adapter.path })
  for (const tensor of tensors) {
    // A bias that was trained with the factors (`bias="all"`) is called after the layer inside of LoRA's.
    const name = tensor.name.replace(PREFIX, '').replace('.base_layer.', '.')
    const [, module, embedding, letter, part, magnitude] = FACTOR.exec(name) ?? []
    if (module !== undefined) {
      const own = factors.get(module) ?? { kind: 'linear' }
      factors.set(module, own)
      if (embedding) own.kind = 'embedding'
      if (magnitude) own.magnitude = tensor
      else if (part === 'bias') own.bias = tensor
      else own[letter === 'A' ? 'a' : 'b'] = tensor
    } else if (/\.(lora|ia3|vera|oft|hada)_/.test(name))
      throw unfit(adapter, `${tensor.name} is not one of LoRA's two factors`)
    else {
      const target = targets.find(name)
      if (target) merged.set(target, whole(tensor, target))
      else
        added.push({
          ...tensor,
          name: targets.nameFor(name),
          file: targets.file,
          component: 'weights',
          storage: undefined,
        })
    }
  }
  for (const [module, { kind, a, b, bias, magnitude }] of factors) {
    const target = targets.find(`${module}.weight`) ?? targets.find(module)
    if (!target) throw unfit(adapter, `${base.name} has no ${module}.weight`)
    if (!a || !b) throw unfit(adapter, `one of the two factors of ${module} is not here`)
    const scaling = scalingOf(config, module, (kind === 'embedding' ? b.shape[1] : a.shape[0]) ?? 1)
    const product = productOf(target, kind, a, b, config, adapter)
    if (config.usesMagnitudes !== (magnitude !== undefined))
      throw unfit(adapter, `its config and its weights do not agree on whether ${module} is a DoRA module`)
    if (magnitude && numel(magnitude.shape) !== (product.isTurned ? product.columns : product.rows))
      throw unfit(adapter, `the magnitudes of ${module} are of another length than its weight`)
    merged.set(target, magnitude ? scaled(target, product, scaling, magnitude) : summed(target, product, scaling))
    const offset = bias && targets.find(`${module}.bias`)
    if (bias && !offset) throw unfit(adapter, `${base.name} has no ${module}.bias for that of the adapter`)
    if (bias && offset) merged.set(offset, summed(offset, biasOf(bias, offset, adapter), scaling))
  }
  return { merged, added }
}

/** The tensors of the base by the names that the adapter has for them. */
class Targets {
  readonly file: string
  readonly #byName: ReadonlyMap<string, Tensor>
  readonly #prefix: string

  constructor(base: Checkpoint, adapter: Checkpoint) {
    const weights = base.tensors.filter(({ component }) => component === 'weights')
    this.#byName = new Map(weights.map((tensor) => [tensor.name, tensor]))
    this.file = weights[0]?.file ?? base.name
    const modules = adapter.tensors.flatMap(({ name }) => FACTOR.exec(name.replace(PREFIX, ''))?.[1] ?? [])
    const first = modules[0]
    // A base that was saved without its head names its modules without the head's prefix, or the other way round.
    const prefixes = ['', 'model.', 'transformer.', 'bert.', 'roberta.']
    this.#prefix = prefixes.find((each) => first !== undefined && this.#byName.has(`${each}${first}.weight`)) ?? ''
  }

  nameFor(name: string): string {
    return this.#prefix + name
  }

  find(name: string): Tensor | undefined {
    return (
      this.#byName.get(this.nameFor(name)) ?? this.#byName.get(name.replace(/^(model|transformer|bert|roberta)\./, ''))
    )
  }
}

function whole(tensor: Tensor, target: Tensor): OutputTensor {
  const output = outputOf(tensor, { name: target.name })
  if (tensor.dtype === target.dtype || !isFloating(target.dtype)) return output
  return isRoundable(target.dtype) && target.dtype !== 'float64' ? castTo(output, target.dtype) : output
}

/** What is added to rows of a weight: fills `sums`, one a column, with row `row` of the product. */
interface Product {
  readonly rows: number
  readonly columns: number
  /** Whether the outputs of the module are the columns. */
  readonly isTurned: boolean
  load(): Promise<(row: number, sums: Float32Array) => void>
}

/**
 * `B@A`, or its transpose where the weight lies as [in, out] (GPT-2's Conv1D) or is an embedding: PEFT transposes then. Of a
 * convolution, A is a kernel of `rank` outputs and B one of size 1: their product is that of [out, rank] and [rank, in * kernel].
 */
function productOf(
  target: Tensor,
  kind: Factors['kind'],
  a: Tensor,
  b: Tensor,
  config: LoraConfig,
  adapter: Checkpoint,
): Product {
  const [rank = 0, ...inputs] = a.shape
  const [outer = 0, ...ranks] = b.shape
  const inner = numel(inputs)
  const isKernel = a.shape.length > 2
  if (a.shape.length < 2 || b.shape.length !== a.shape.length || numel(ranks) !== rank)
    throw unfit(
      adapter,
      `the factors of ${target.name} are [${a.shape.join(', ')}] and [${b.shape.join(', ')}], which have no product${isKernel ? ' (grouped convolutions are not merged, by PEFT neither)' : ''}`,
    )
  const isTurned = kind === 'embedding' || (config.isTransposed && sameShape(target.shape, [inner, outer]))
  const wanted = isTurned ? [inner, outer] : [outer, ...inputs]
  if (!sameShape(target.shape, wanted))
    throw unfit(
      adapter,
      `${target.name} is [${target.shape.join(', ')}] in the base, and the adapter's factors make [${wanted.join(', ')}]`,
    )
  const [rows, columns] = isTurned ? [inner, outer] : [outer, inner]
  return {
    rows,
    columns,
    isTurned,
    async load() {
      const [left, right] = [await floats(a), await floats(b)]
      return (row, sums) => {
        sums.fill(0)
        for (let k = 0; k < rank; k++) {
          // Products of two float32 are exact in float64; each sum is rounded to float32 once, as a fused multiply-add does.
          const factor = (isTurned ? left[k * inner + row] : right[row * rank + k]) as number
          if (isTurned)
            for (let j = 0; j < columns; j++) sums[j] = (sums[j] as number) + factor * (right[j * rank + k] as number)
          else
            for (let j = 0; j < columns; j++) sums[j] = (sums[j] as number) + factor * (left[k * columns + j] as number)
        }
      }
    },
  }
}

function biasOf(bias: Tensor, target: Tensor, adapter: Checkpoint): Product {
  if (!sameShape(bias.shape, target.shape))
    throw unfit(adapter, `${target.name} is of another length than the adapter's bias`)
  return {
    rows: 1,
    columns: numel(target.shape),
    isTurned: false,
    async load() {
      const values = await floats(bias)
      return (_, sums) => sums.set(values)
    },
  }
}

/** The weight plus the scaled product, rounded to the dtype of the weight once. */
function summed(target: Tensor, product: Product, scaling: number): OutputTensor {
  const { name, shape } = target
  const dtype = roundableOf(target)
  async function* blocks(signal?: AbortSignal) {
    for await (const { values } of sums(target, product, scaling, signal)) yield rounded(values, dtype)
  }
  return { name, dtype, shape, blocks }
}

/**
 * DoRA: the sum in float32, every output of the module scaled to its trained length: m / |W + scaling * B@A| (peft 0.21,
 * `tuners/lora/variants.py`). Reads the weight twice; keeps a length for each output in memory.
 */
function scaled(target: Tensor, product: Product, scaling: number, magnitude: Tensor): OutputTensor {
  const { name, shape } = target
  const dtype = roundableOf(target)
  const { rows, columns, isTurned } = product
  const output = (index: number) => (isTurned ? index % columns : Math.floor(index / columns))
  async function* blocks(signal?: AbortSignal) {
    const wanted = await floats(magnitude)
    const squares = new Float64Array(isTurned ? columns : rows)
    for await (const { values, from } of sums(target, product, scaling, signal)) {
      for (let i = 0; i < values.length; i++) {
        const value = Math.fround(values[i] as number)
        squares[output(from + i)] = (squares[output(from + i)] as number) + value * value
      }
    }
    const factors = wanted.map((length, i) => length / Math.fround(Math.sqrt(squares[i] as number)))
    for await (const { values, from } of sums(target, product, scaling, signal)) {
      for (let i = 0; i < values.length; i++)
        values[i] = Math.fround(values[i] as number) * (factors[output(from + i)] as number)
      yield rounded(values, dtype)
    }
  }
  return { name, dtype, shape, blocks }
}

/** W + scaling * product, one block of the weight and one row of the product at a time. `from`: index of the first value. */
async function* sums(target: Tensor, { columns, load }: Product, scaling: number, signal?: AbortSignal) {
  const rowOf = await load()
  const sum = new Float32Array(columns)
  const scale = Math.fround(scaling)
  let row = -1
  let at = 0
  for await (const block of readBlocks(target, signal ? { signal } : {})) {
    const values = decodeValues(target.dtype, block)
    const from = at
    for (let i = 0; i < values.length; i++, at++) {
      const wanted = Math.floor(at / columns)
      if (wanted !== row) {
        row = wanted
        rowOf(row, sum)
      }
      values[i] = (values[i] as number) + Math.fround((sum[at - row * columns] as number) * scale)
    }
    yield { values, from }
  }
}

/** The dtype of a weight that sums are rounded to. Throws `usage` where it is none. */
function roundableOf({ name, dtype }: Tensor) {
  if (isRoundable(dtype)) return dtype
  throw new AssayError('usage', `${name} is ${dtype}: an adapter is merged into weights of 16 bits or more`, {
    hint: 'Merge it into the base model as it was before it was quantized',
  })
}

function isRoundable(dtype: DType): dtype is 'float64' | 'float32' | 'float16' | 'bfloat16' {
  return dtype === 'float64' || dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16'
}

async function floats(tensor: Tensor): Promise<Float32Array> {
  return new Float32Array(decodeValues(tensor.dtype, await readAll(tensor, MOST_BYTES)))
}

function unfit(adapter: Checkpoint, why: string): AssayError {
  return new AssayError('usage', `${adapter.name} cannot be merged: ${why}`, { file: adapter.path })
}
