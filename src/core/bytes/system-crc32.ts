import * as zlib from 'node:zlib'

/** CRC-32 by the processor's own instructions, from Node 20.15 and 22.2 on; undefined in older runtimes (Electron 25). */
export const systemCrc32: ((bytes: Uint8Array, seed: number) => number) | undefined = zlib.crc32
