import type { Checkpoint } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { MOMENT_SLOTS } from '../shapes/moments'
import { isRankFile, layerName, patternOf, unwrapped } from '../shapes/names'
import { shapeText } from '../text'
import { allNamings, namingOf } from './blueprint'
import { fitOf, fitTo, type Match, weightsByName } from './fit'

/** Why a config is not that of the weights beside it. */
export interface Misfit {
  /** Goes on from "config.json describes another model than these weights: ". */
  readonly why: string
  readonly evidence: Readonly<Record<string, unknown>>
}

const known = new WeakMap<Checkpoint, { readonly misfit: Misfit | undefined }>()

/**
 * Whether the config describes another model than the weights are of. A single tensor that does not fit is the tensor's own
 * affair; this is told where the names are those of another kind of model, where most matrices have other shapes, or where
 * one number of the config is all that is amiss and the optimizer sides with the weights.
 */
export function misfitOf(checkpoint: Checkpoint): Misfit | undefined {
  const made = known.get(checkpoint) ?? { misfit: make(checkpoint) }
  known.set(checkpoint, made)
  return made.misfit
}

function make(checkpoint: Checkpoint): Misfit | undefined {
  const fields = fieldsOf(checkpoint.config)
  // Code that comes with the model may build it in its own way.
  if (!fields || fields.auto_map !== undefined || fields.quantization_config !== undefined) return undefined
  const weights = weightsByName(checkpoint)
  if (weights.size === 0) return undefined
  return otherNames(checkpoint.config, weights) ?? otherSizes(checkpoint, weights)
}

/** Fewer tensors than this are no model. */
const LEAST_TENSORS = 4

/** The names are not those of the kind of model that the config names, and are those of another one that is known. */
function otherNames(config: Plain | undefined, weights: ReadonlyMap<string, Tensor>): Misfit | undefined {
  if (weights.size < LEAST_TENSORS) return undefined
  const patterns = [...weights.keys()].map(patternOf)
  const own = namingOf(config)
  if (!own) return undefined
  const named = (names: ReadonlySet<string>) => patterns.filter((each) => names.has(each)).length
  const fit = named(own.names)
  if (fit * 10 > patterns.length) return undefined
  const distinct = new Set(patterns)
  const [other] = allNamings(config)
    .filter(({ names, body }) => {
      const there = body.filter((each) =>
        [...distinct].some((pattern) => pattern === each || pattern.endsWith(`.${each}`)),
      )
      return named(names) * 10 >= patterns.length * 8 && there.length * 10 >= body.length * 4
    })
    .sort((a, b) => named(b.names) - named(a.names))
  if (!other) return undefined
  const [example] = weights.keys()
  return {
    why: `it is of a ${own.type} model, and ${fit === 0 ? 'none' : `${fit}`} of the ${patterns.length} tensors are called as in one; their names are those of a ${other.type} model, such as ${example}`,
    evidence: {
      said: own.type,
      found: other.type,
      fitting: fit,
      tensors: patterns.length,
      names: [...weights.keys()].slice(0, 10),
    },
  }
}

/** The names fit, the shapes or the number of layers do not. */
function otherSizes(checkpoint: Checkpoint, weights: ReadonlyMap<string, Tensor>): Misfit | undefined {
  const { config } = checkpoint
  const fit = fitTo(checkpoint)
  if (!fit || fit.present.size < LEAST_TENSORS) return undefined
  const comparable = [...fit.present].filter(([tensor, { shape }]) => isComparable(tensor, shape))
  const wrong = comparable.filter(([tensor, { shape }]) => !sameShape(tensor.shape, shape))
  const beyond = beyondLayers(fit)
  if (wrong.length === 0 && fit.absent.length === 0 && beyond.length === 0) return undefined
  const matrices = comparable.filter(([{ shape }]) => shape.length > 1)
  const wrongMatrices = wrong.filter(([{ shape }]) => shape.length > 1)
  const most = wrongMatrices.length >= LEAST_TENSORS - 1 && wrongMatrices.length * 2 > matrices.length
  const sided = sidesWithWeights(checkpoint, weights)
  if (!most && !sided && beyond.length === 0) return undefined
  const cause = causeOf(
    config,
    weights,
    wrong.flatMap(([{ shape }]) => shape),
  )
  if (!most && !cause) return undefined

  const [tensor, parameter] = wrongMatrices[0] ?? wrong[0] ?? []
  const example =
    tensor && parameter && ` (${tensor.name} is ${shapeText(tensor.shape)}, not ${shapeText(parameter.shape)})`
  const reasons = [
    cause && `${cause.key} is ${cause.said} there, and with ${cause.found} every tensor fits`,
    sided && 'the optimizer has moments of just these tensors',
    most && `${wrongMatrices.length} of ${matrices.length} matrices have other shapes than in its ${fit.architecture}`,
  ]
  return {
    why: reasons.filter((each) => each).join('; ') + (example ?? ''),
    evidence: {
      ...(cause && { key: cause.key, said: cause.said, found: cause.found }),
      shapes: wrong
        .slice(0, 50)
        .map(([{ name, shape }, { shape: expected }]) => ({ name, shape: [...shape], expected: [...expected] })),
      wrong: wrong.length,
      tensors: weights.size,
    },
  }
}

/** Whether a shape tells of the model's sizes: that of a whole tensor which nothing has flattened or emptied. */
function isComparable({ shape, dtype, file }: Tensor, expected: readonly number[]): boolean {
  return shape.length === expected.length && numel(shape) > 1 && isFloating(dtype) && !isRankFile(file)
}

/** Tensors of layers like those of the model, under numbers that it does not reach. */
function beyondLayers({ order, strangers }: Match): Tensor[] {
  const patterns = new Set(order.map(patternOf).filter((pattern) => pattern.includes('*')))
  return strangers.filter(({ name, dtype }) => isFloating(dtype) && patterns.has(patternOf(unwrapped(name))))
}

interface Cause {
  readonly key: string
  readonly said: number
  readonly found: number
}

/** The one number of the config that is all that keeps it from fitting every tensor. */
function causeOf(
  config: Plain | undefined,
  weights: ReadonlyMap<string, Tensor>,
  sizes: readonly number[],
): Cause | undefined {
  const found = [...new Set([...sizes, ...layerCounts(weights)])].slice(0, 24)
  for (const [key, value] of Object.entries(fieldsOf(config) ?? {})) {
    const said = numberOf(value)
    if (said === undefined || !Number.isSafeInteger(said) || said < 1 || /_(id|token)s?$/.test(key)) continue
    for (const size of found) {
      if (size !== said && fits({ ...fieldsOf(config), [key]: size }, weights)) return { key, said, found: size }
    }
  }
  return undefined
}

function fits(config: Plain, weights: ReadonlyMap<string, Tensor>): boolean {
  const fit = fitOf(config, weights)
  if (!fit || fit.absent.length > 0 || beyondLayers(fit).length > 0) return false
  return [...fit.present].every(([tensor, { shape }]) => sameShape(tensor.shape, shape))
}

/** How many layers each stack has. */
function layerCounts(weights: ReadonlyMap<string, Tensor>): Set<number> {
  const lasts = new Map<string, number>()
  for (const name of weights.keys()) {
    const layer = layerName(name)
    if (layer) lasts.set(layer.container, Math.max(layer.index, lasts.get(layer.container) ?? 0))
  }
  return new Set([...lasts.values()].map((last) => last + 1))
}

/** Whether an optimizer has as many parameters as there are tensors, and its moments their shapes. */
function sidesWithWeights({ state }: Checkpoint, weights: ReadonlyMap<string, Tensor>): boolean {
  const [optimizer] = state.optimizers
  if (!optimizer || state.optimizers.length > 1) return false
  const shapes = optimizer.parameters.flatMap(({ tensors }) => {
    const slot = MOMENT_SLOTS.find((each) => tensors[each])
    return slot === undefined ? [] : String(tensors[slot]?.shape)
  })
  const count = optimizer.groups.reduce((sum, { params }) => sum + params.length, 0)
  const own = [...weights.values()].map(({ shape }) => String(shape))
  return count === own.length && shapes.length === count && String(shapes.sort()) === String(own.sort())
}
