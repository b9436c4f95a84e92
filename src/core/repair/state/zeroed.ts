/** Slots that begin with zeros in the optimizers of torch 2.13 and of transformers, and whose shape says all about them. */
export const ZEROED: ReadonlySet<string> = new Set([
  ...['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'momentum_buffer', 'square_avg', 'grad_avg', 'exp_inf', 'acc_delta'],
  ...['exp_avg_sq_row', 'exp_avg_sq_col', 'row_var', 'col_var', 'variance'],
])
