/**
 * Names that stand for a module's weight: `weight` itself, or what a reparametrization trains in its place. Weight norm keeps a gain
 * and a direction: `weight_g`, `weight_v` (torch/nn/utils/weight_norm.py, 2.13) or `parametrizations.weight.original0`, `original1`
 * (torch/nn/utils/parametrizations.py); spectral norm and pruning keep `weight_orig`, or `parametrizations.weight.original`.
 */
const WEIGHT = /(weight|(^|\.)(weight_v|weight_orig|parametrizations\.weight\.original1?))$/
const GAIN = /(^|\.)(weight_g|parametrizations\.weight\.original0)$/
const NAMES = [
  'weight',
  'weight_v',
  'weight_orig',
  'parametrizations.weight.original1',
  'parametrizations.weight.original',
]

/** Whether a tensor of this name has the shape of a module's weight. */
export function isWeightName(name: string): boolean {
  return WEIGHT.test(name)
}

/** What the bias beside a weight is called; undefined for another name. */
export function biasNameOf(name: string): string | undefined {
  const own = NAMES.find((each) => name.endsWith(`.${each}`))
  return own === undefined ? undefined : `${name.slice(0, -own.length)}bias`
}

/** What the weight beside a bias may be called; none for another name. */
export function weightNamesOf(bias: string): string[] {
  return /(^|\.)bias$/.test(bias) ? NAMES.map((each) => bias.slice(0, -'bias'.length) + each) : []
}

/** What the direction is called of which this is the gain; undefined for another name. */
export function directionNameOf(name: string): string | undefined {
  return GAIN.test(name) ? name.replace(/g$/, 'v').replace(/original0$/, 'original1') : undefined
}

/** The shapes that a gain of `size` values may have beside a direction: as long along one dimension, and 1 along all others. */
export function gainShapes(direction: readonly number[], size: number): number[][] {
  return direction.flatMap((extent, at) => (extent === size ? [direction.map((_, i) => (i === at ? size : 1))] : []))
}
