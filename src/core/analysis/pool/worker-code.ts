/** `worker.ts` and all it needs, bundled to one text: `vite.simd.ts` puts it here. Without it there are no threads. */
export const workerCode: string = ''
