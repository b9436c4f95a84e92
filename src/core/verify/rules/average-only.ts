import type { StateFile } from '../../checkpoint/checkpoint'
import { namedComponent } from '../../checkpoint/sections'
import { mappingOf } from '../../decode/pickle/value'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { AVERAGE } from '../shapes/averages'
import { list } from '../text'

/** An optimizer beside nothing but a running average of the weights: those that it trained are not here. */
export const averageOnly: Rule = {
  ids: ['weights/average-only'],
  needs: 'structure',
  *check({ checkpoint: { files, state } }) {
    if (!state.optimizers.some(({ parameters }) => parameters.length > 0)) return
    const holding = files.filter(({ tensors }) => tensors.some(({ component }) => component === 'weights'))
    const averages = holding.map(averageIn)
    if (averages.length === 0 || averages.includes(undefined)) return
    const message = `Only a running average of the weights is here (${list(averages.map(String))}); the weights that the optimizer trained are not`
    yield finding('weights/average-only', holding[0]?.path as string, message, { evidence: { averages } })
  },
}

/** The file, or its keys, where all weights in it are an average by their name. */
function averageIn({ path, tensors, value }: StateFile): string | undefined {
  const parts = [...(mappingOf(value) ?? [])].filter(([, part]) => part !== null && typeof part === 'object')
  const keys = parts.map(([key]) => String(key))
  const averages = keys.filter((key) => AVERAGE.test(key) && namedComponent(key) === 'weights')
  // Where several keys hold weights, names begin with theirs; what is called a model may be empty.
  const weights = tensors.filter(({ component }) => component === 'weights')
  const isOther = (key: string) =>
    !averages.includes(key) &&
    (namedComponent(key) === 'weights' || weights.some(({ name }) => name.startsWith(`${key}.`)))
  if (averages.length > 0) return keys.some(isOther) ? undefined : averages.join(', ')
  const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]+$/, '')
  return AVERAGE.test(stem) && tensors.length === weights.length ? path : undefined
}
