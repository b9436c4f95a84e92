import type { Checkpoint } from '../../checkpoint/checkpoint'
import { type DType, isFloating, itemSize } from '../../checkpoint/dtype'
import { numel } from '../../checkpoint/tensor'
import { fieldsOf } from '../../decode/plain'
import { finding } from '../../finding'
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
    for (const { component, dtype, shape } of checkpoint.tensors) {
      if (component === 'weights' && isFloating(dtype)) values.set(dtype, (values.get(dtype) ?? 0) + numel(shape))
    }
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

/** Of the moments of their parameter's own shape. */
function momentDtypes({ state }: Checkpoint): DType[] {
  const dtypes = state.optimizers.flatMap(({ parameters }) =>
    parameters.flatMap(({ tensors }) => (tensors.exp_avg ?? tensors.momentum_buffer)?.dtype ?? []),
  )
  return [...new Set(dtypes)]
}
