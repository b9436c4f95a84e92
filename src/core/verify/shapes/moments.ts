/** Slots that have the shape of their parameter (formats of torch 2.13, bitsandbytes and apex excluded). */
export const MOMENT_SLOTS = ['exp_avg', 'exp_avg_sq', 'momentum_buffer', 'square_avg', 'sum', 'exp_inf', 'ax', 'prev']
