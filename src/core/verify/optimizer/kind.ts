import type { OptimizerState } from '../../checkpoint/checkpoint'
import { numberOf } from '../../decode/plain'

/**
 * What kind of optimizer keeps such a state; the file itself does not say. By the settings of its groups and the slots of its
 * parameters (torch 2.13, transformers' Adafactor, bitsandbytes). Undefined where nothing tells.
 */
export function kindOf({ groups, parameters }: OptimizerState): string | undefined {
  const hyper = groups[0]?.hyper ?? {}
  const has = (key: string) => hyper[key] !== undefined
  const slots = new Set(parameters.flatMap(({ tensors }) => Object.keys(tensors)))
  const first = parameters.find(({ tensors }) => tensors.state1)?.tensors
  if (first) {
    const eight = parameters.some(({ tensors }) => tensors.state1?.dtype === 'uint8')
    return `${first.state2 ? 'Adam' : 'Lion or momentum'} of bitsandbytes${eight ? ', 8-bit' : ''}`
  }
  if (slots.has('exp_avg_sq_row') || has('scale_parameter')) return 'Adafactor'
  if (slots.has('row_var') || has('beta2_decay')) return 'Adafactor (torch)'
  if (has('ns_steps')) return 'Muon'
  if (has('max_iter') && has('history_size')) return 'LBFGS'
  if (has('momentum_decay')) return 'NAdam'
  if (slots.has('exp_inf')) return 'Adamax'
  if (has('rho')) return 'Adadelta'
  if (has('lr_decay')) return 'Adagrad'
  if (has('etas')) return 'Rprop'
  if (has('lambd')) return 'ASGD'
  if (has('alpha') && has('centered')) return 'RMSprop'
  if (has('betas')) {
    if (slots.has('exp_avg') && !slots.has('exp_avg_sq')) return 'Lion'
    if (!has('amsgrad') && has('decoupled_weight_decay')) return 'RAdam'
    const amsgrad = hyper.amsgrad === true ? ' with AMSGrad' : ''
    if (hyper.decoupled_weight_decay === undefined) return `Adam or AdamW${amsgrad}`
    return `${hyper.decoupled_weight_decay === true ? 'AdamW' : 'Adam'}${amsgrad}`
  }
  if (has('nesterov')) return (numberOf(hyper.momentum) ?? 0) > 0 ? 'SGD with momentum' : 'SGD'
  return undefined
}
