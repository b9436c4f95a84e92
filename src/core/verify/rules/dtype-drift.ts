import type { Checkpoint } from '../../checkpoint/checkpoint'
import { type DType, isFloating, itemSize } from '../../checkpoint/dtype'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { fieldsOf } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'

/** Weights in another dtype than the config says: twice the size, or half the precision, that was meant. */
export const dtypeDrift: Rule = {
  ids: ['weights/dtype-drift'],
  needs: 'structure',
  *check({ checkpoint }) {
    const config = fieldsOf(checkpoint.config)
    const said = config?.dtype ?? config?.torch_dtype
    if (typeof said !== 'string' || config?.quantization_config !== undefined) return
    const wanted = said.replace(/^torch\./, '')
    const values = new Map<DType, number>()
    const weights = checkpoint.tensors.filter(({ component }) => component === 'weights')
    for (const { dtype, shape } of weights) {
      if (isFloating(dtype)) values.set(dtype, (values.get(dtype) ?? 0) + numel(shape))
    }
    const whole = weights.find(({ name, dtype }) => WHOLE.test(dtype) && /\.weight$/.test(name))
    if (whole && values.size === 0 && /float/.test(wanted)) yield withoutFractions(whole, wanted)
    const [most] = [...values].sort(([, a], [, b]) => b - a)
    if (!most || [...values.keys()].some((dtype) => dtype === wanted)) return
    const [got] = most
    const message = `The weights are ${got}, config.json says ${wanted}`
    const evidence = { expected: wanted, got }
    // torch makes moments in the dtype of their parameter: these weights were rounded after the optimizer had them.
    const [moments, ...others] = momentDtypes(checkpoint)
    const rounded = moments === wanted && others.length === 0 && itemSize(got) < itemSize(moments)
    yield rounded
      ? finding('weights/dtype-drift', 'config.json', `${message}, and so do the moments: the weights were rounded`, {
          severity: 'warning',
          evidence: { ...evidence, moments },
        })
      : finding('weights/dtype-drift', 'config.json', message, { evidence })
  },
}

const WHOLE = /^u?int\d+$/

function withoutFractions({ name, dtype }: Tensor, wanted: string): Finding {
  const message = `No tensor has fractions (${name} is ${dtype}), and config.json says ${wanted}: what was learned was cut off with them`
  return finding('weights/dtype-drift', 'config.json', message, {
    severity: 'warning',
    evidence: { expected: wanted, got: dtype },
  })
}

/** Of the moments of their parameter's own shape. */
function momentDtypes({ state }: Checkpoint): DType[] {
  const dtypes = state.optimizers.flatMap(({ parameters }) =>
    parameters.flatMap(({ tensors }) => (tensors.exp_avg ?? tensors.momentum_buffer)?.dtype ?? []),
  )
  return [...new Set(dtypes)]
}
