import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import {
  distinct,
  type FlatMoments,
  isTrained,
  type Misplaced,
  misplacedMoments,
  momentsInOneDimension,
} from '../optimizer/names'
import type { Rule } from '../rule'
import { averagesOf } from '../shapes/averages'
import { diagnose } from '../shapes/diagnosis'
import { weightsOf } from '../shapes/evidence'
import { MOMENT_SLOTS } from '../shapes/moments'
import { list, shapeText } from '../text'
import { isWhole } from './missing-tensor'

/**
 * Moments whose shapes are not those of the weights: the optimizer of another model, or of another order of parameters. Loading
 * does not look at shapes, the first step fails. Shapes are compared as a multiset, because a script may order its parameters
 * as it likes; where the order is evident, by place. Weights without moments are frozen or unused, which is nobody's fault.
 */
export const optimizerShapeMismatch: Rule = {
  ids: ['optimizer/shape-mismatch', 'optimizer/parameter-mismatch', 'weights/missing-tensor'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { optimizers } = checkpoint.state
    const weights = optimizers.length > 0 ? weightsOf(checkpoint) : []
    if (weights.length === 0 || diagnose(checkpoint).length > 0 || !isWhole(checkpoint)) return
    // Each by itself: two optimizers may share parameters.
    for (const optimizer of optimizers) yield* compare(checkpoint, optimizer, weights)
  },
}

function* compare(checkpoint: Checkpoint, optimizer: OptimizerState, weights: readonly Tensor[]): Generator<Finding> {
  const { strangers, left, all } = match(optimizer, weights)
  const most = strangers.length * 2 > all
  // Adapters keep less than they train (prompt encoders, modules to save).
  const adapter = checkpoint.components.some(({ id, status }) => id === 'adapter' && status !== 'not-applicable')
  if (strangers.length === 0) {
    const misplaced = misplacedMoments(checkpoint, optimizer)
    if (misplaced.length > 0) yield outOfPlace(optimizer, misplaced)
  } else if (!most && !adapter && !left.some(isTrained)) {
    yield* unsaved(optimizer, strangers, weights)
  } else if (
    most ||
    !(adapter || areJoined(strangers, left)) ||
    valuesOf(strangers) > valuesOf(left.map(({ shape }) => shape))
  ) {
    const flat = momentsInOneDimension(checkpoint, optimizer)
    yield flat && flat.length > 0
      ? flattened(optimizer, flat, all)
      : foreign(optimizer, strangers, all, misplacedMoments(checkpoint, optimizer))
  }
}

type Shape = readonly number[]

function valuesOf(shapes: readonly Shape[]): number {
  return shapes.reduce((sum, shape) => sum + numel(shape), 0)
}

interface Match {
  readonly all: number
  /** Shapes of moments for which no weight is left, and the weights that are left. */
  readonly strangers: readonly Shape[]
  readonly left: readonly Tensor[]
}

function match(optimizer: OptimizerState, weights: readonly Tensor[]): Match {
  const free = new Map<string, Tensor[]>()
  for (const tensor of trainable(weights)) {
    const key = String(tensor.shape)
    const alike = free.get(key)
    if (alike) alike.push(tensor)
    else free.set(key, [tensor])
  }
  // Those that are trained are taken first: what is left over then is a buffer.
  for (const alike of free.values()) alike.sort((a, b) => Number(isTrained(a)) - Number(isTrained(b)))
  const shapes = shapesOf(optimizer)
  const strangers = shapes.filter((shape) => free.get(String(shape))?.pop() === undefined)
  return { all: shapes.length, strangers, left: [...free.values()].flat() }
}

/** Tied weights have one moment, and averages none. A number by itself tells nothing. */
function trainable(weights: readonly Tensor[]): Tensor[] {
  const averages = averagesOf(weights)
  return distinct(weights.filter((tensor) => tensor.shape.length > 0 && !averages.has(tensor)))
}

/**
 * Some libraries join matrices in memory and split them when they save: each stranger is then as long and wide as some of the
 * smaller matrices that are left over are together.
 */
function areJoined(strangers: readonly Shape[], left: readonly Tensor[]): boolean {
  return strangers.every((shape) => {
    const size = numel(shape)
    const parts = left.filter(
      (part) => part.shape.length > 1 && numel(part.shape) < size && sharesAWidth(part.shape, shape),
    )
    return parts.length > 1 && valuesOf(parts.map((part) => part.shape)) >= size
  })
}

function sharesAWidth(part: Shape, whole: Shape): boolean {
  return part.at(-1) === whole.at(-1) || part.at(-2) === whole.at(-2)
}

function foreign(
  { file }: OptimizerState,
  strangers: readonly Shape[],
  all: number,
  misplaced: readonly Misplaced[],
): Finding {
  const shapes = [...new Set(strangers.map(shapeText))]
  const message =
    misplaced.length > 0
      ? `The moments of ${list(misplaced.map(inWords))} in ${file}: the optimizer is of the model before it was changed`
      : `${strangers.length} of ${all} moments in ${file} have shapes that no weight has: ${list(shapes)}. They belong to another model`
  return finding('optimizer/shape-mismatch', file, message, {
    evidence: { strangers: strangers.length, moments: all, shapes: shapes.slice(0, 50) },
  })
}

function flattened({ file }: OptimizerState, flat: readonly FlatMoments[], all: number): Finding {
  const shapes = [...new Set(flat.map(({ shape }) => `[${numel(shape)}] for ${shapeText(shape)}`))]
  const message = `The moments of ${flat.length} weights in ${file} lie in one dimension, with as many values as the weights: ${list(shapes)}`
  return finding('optimizer/shape-mismatch', file, message, {
    evidence: { strangers: flat.length, moments: all },
  })
}

function outOfPlace({ file }: OptimizerState, misplaced: readonly Misplaced[]): Finding {
  const message = `The moments of ${list(misplaced.map(inWords))} in ${file}; all others stand at the place of their weight. They are in another order, or of another model`
  return finding('optimizer/shape-mismatch', file, message, {
    evidence: { misplaced: misplaced.slice(0, 1000).map(({ name, shape, moment }) => ({ name, shape, moment })) },
  })
}

function inWords({ name, shape, moment }: Misplaced): string {
  return `${name} ${shapeText(shape)} are ${shapeText(moment)}`
}

/** Every weight has its moments, and there are moments over: of weights that lost their file, or that nobody saved. */
function* unsaved(
  { file }: OptimizerState,
  strangers: readonly Shape[],
  weights: readonly Tensor[],
): Generator<Finding> {
  const nameless: Shape[] = []
  for (const shape of strangers) {
    const bias = lonelyBias(shape, weights)
    if (bias === undefined) nameless.push(shape)
    else {
      const name = bias.name.replace(/bias$/, 'weight')
      const why = `${bias.name} is here, and ${file} keeps moments of the shape ${shapeText(shape)} that are of nothing else`
      yield finding('weights/missing-tensor', name, `${name} is not here, although ${why}`, {
        evidence: { shape, source: file },
      })
    }
  }
  if (nameless.length === 0) return
  const shapes = [...new Set(nameless.map(shapeText))]
  const message = `${file} trains ${nameless.length} more than the weights have, of the shape ${list(shapes)}; the other moments are those of all weights here: some of what it trains was not saved with them`
  yield finding('optimizer/parameter-mismatch', file, message, {
    severity: 'warning',
    evidence: { strangers: nameless.length, shapes: shapes.slice(0, 50) },
  })
}

/** A bias without the weight of its module, which would have such a shape. */
function lonelyBias(shape: Shape, weights: readonly Tensor[]): Tensor | undefined {
  const names = new Set(weights.map(({ name }) => name))
  const fitting = weights.filter(({ name, shape: own }) => {
    const alone = /(^|\.)bias$/.test(name) && !names.has(name.replace(/bias$/, 'weight'))
    return alone && shape.length > 1 && own.length === 1 && shape.slice(0, 2).includes(own[0] as number)
  })
  return fitting.length === 1 ? fitting[0] : undefined
}

/** The shape of each parameter that keeps a moment of its own shape; factored and flat ones tell nothing. */
function shapesOf({ parameters }: OptimizerState): Shape[] {
  return parameters.flatMap(({ tensors }) => {
    const slot = MOMENT_SLOTS.find((each) => tensors[each])
    const moment = slot === undefined ? undefined : tensors[slot]
    return moment && moment.shape.length > 0 && numel(moment.shape) > 0 ? [moment.shape] : []
  })
}
