import { isFloating } from '../checkpoint/dtype'
import { numel, sameShape } from '../checkpoint/tensor'
import type { Context } from './context'
import { likenessOf, unlessCancelled } from './likeness'
import { isFilled } from './sources'

/** Weights that are compared, spread over the model. */
const COMPARED = 8
/** Of fewer values the cosine of two that have nothing in common may be far from 0. */
const ENOUGH = 1024
/** What training leaves of the values it began with is far more alike; two models begun from different seeds far less. */
const ALIKE = 0.1

/**
 * Why the reference seems to be another model of the same shapes: most of the matrices that both have are nothing like each
 * other. Undefined where they are, and where too little is in both to tell. Throws `cancelled`.
 */
export async function estrangement({
  weights,
  reference,
  diagnoses,
  losses,
  signal,
}: Context): Promise<string | undefined> {
  if (!reference) return undefined
  const pairs = weights.flatMap((tensor) => {
    const model = reference.of(tensor)
    if (!model || diagnoses.has(tensor) || losses.get(tensor.file)?.has(tensor)) return []
    const isMatrix = tensor.shape.length >= 2 && numel(tensor.shape) >= ENOUGH && sameShape(tensor.shape, model.shape)
    const isBoth = isFloating(tensor.dtype) && isFloating(model.dtype) && isFilled(tensor) && isFilled(model)
    return isMatrix && isBoth ? [{ tensor, model }] : []
  })
  const stride = Math.max(Math.floor(pairs.length / COMPARED), 1)
  const cosines: number[] = []
  for (const { tensor, model } of pairs.filter((_, i) => i % stride === 0).slice(0, COMPARED)) {
    const cosine = (await likenessOf(tensor, model, signal).catch(unlessCancelled))?.cosine
    if (typeof cosine === 'number' && Number.isFinite(cosine)) cosines.push(cosine)
  }
  const unlike = cosines.filter((cosine) => cosine < ALIKE).length
  if (unlike * 2 <= cosines.length) return undefined
  return `of ${cosines.length} weights that both have, ${unlike} ${unlike === 1 ? 'is' : 'are'} nothing alike (cosine below ${ALIKE}): ${reference.name} is another model of the same shapes, it seems`
}
