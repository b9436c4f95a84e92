import { isFloating } from '../../checkpoint/dtype'
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
    const values = new Map<string, number>()
    for (const { component, dtype, shape } of checkpoint.tensors) {
      if (component === 'weights' && isFloating(dtype)) values.set(dtype, (values.get(dtype) ?? 0) + numel(shape))
    }
    const [most] = [...values].sort(([, a], [, b]) => b - a)
    if (!most || most[0] === wanted || values.has(wanted)) return
    yield finding('weights/dtype-drift', 'config.json', `The weights are ${most[0]}, config.json says ${wanted}`, {
      evidence: { expected: wanted, got: most[0] },
    })
  },
}
