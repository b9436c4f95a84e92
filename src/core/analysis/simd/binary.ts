/**
 * The compiled kernels as base64, with fused multiply-add (`relaxed`) and without. `vite.simd.ts` compiles `assembly/` and puts
 * the result in the place of this module; without it there are none.
 */
export const plain: string = ''
export const relaxed: string = ''
