import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A safetensors file of `tensors` times `bytes` zeros that takes hardly any room on the disk. */
export function sparseSafetensors(tensors: number, bytes: number): string {
  const header: Record<string, object> = {}
  for (let i = 0; i < tensors; i++) {
    header[`layer.${i}.weight`] = { dtype: 'F32', shape: [bytes / 4], data_offsets: [i * bytes, (i + 1) * bytes] }
  }
  const text = JSON.stringify(header)
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const room = mkdtempSync(join(tmpdir(), 'assay-test-'))
  process.once('exit', () => rmSync(room, { recursive: true, force: true }))
  const path = join(room, 'model.safetensors')
  const file = openSync(path, 'w')
  writeSync(file, length)
  writeSync(file, padded)
  ftruncateSync(file, 8 + padded.length + tensors * bytes)
  closeSync(file)
  return path
}
