import type { Tensor } from '../../checkpoint/tensor'
import { type Finding, finding, type Severity } from '../../finding'
import type { Rule } from '../rule'
import { isMaskName, isParameterName } from '../shapes/names'
import { valueTensors } from '../values'

/** NaN and infinities among weights and moments. Masks hold infinities by design. */
export const nonFinite: Rule = {
  ids: ['weights/non-finite', 'optimizer/non-finite'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    for (const tensor of valueTensors(checkpoint)) {
      if (isMaskName(tensor.name)) continue
      const statistics = await values.statistics(tensor)
      if (statistics && statistics.nan + statistics.inf > 0) yield found(tensor, statistics)
    }
  },
}

function found(tensor: Tensor, { count, nan, inf }: { count: number; nan: number; inf: number }): Finding {
  const rule = tensor.component === 'optimizer' ? 'optimizer/non-finite' : 'weights/non-finite'
  const parts = [nan > 0 && `${nan} NaN`, inf > 0 && `${inf} infinite`].filter((part) => part !== false)
  return finding(rule, tensor.name, `${tensor.name} holds ${parts.join(' and ')} of ${count} values`, {
    severity: severityOf(tensor),
    evidence: { file: tensor.file, nan, inf, count },
    ...(tensor.component !== 'optimizer' && { repair: 'Take the tensor from an earlier checkpoint' }),
  })
}

/** A trained parameter with a NaN spoils every output. Of a tensor with a name of its own nobody can say what it is for. */
function severityOf({ component, name }: Tensor): Severity {
  return component === 'optimizer' || isParameterName(name) || name.includes('.') ? 'error' : 'warning'
}
