import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import { sha256Of } from '../../../src/core/checkpoint/values'
import type { Decision } from '../../../src/core/repair/decisions'
import { Neighbours } from '../../../src/core/repair/neighbours'
import { planRepair } from '../../../src/core/repair/plan'
import { verify } from '../../../src/core/verify/verify'
import { opened, scratch } from '../checkpoint/cases'

export { opened, scratch }

export const golden = (path: string) => fileURLToPath(new URL(`../../golden/${path}`, import.meta.url))

export interface TruthTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: number[]
  readonly sha256: string
}

export function truthOf(name: string): { tensors: TruthTensor[]; repaired: TruthTensor[] } {
  return JSON.parse(readFileSync(golden(`${name}/truth.json`), 'utf8'))
}

/** The checkpoint at `path` and the plan for it. */
export async function planned(
  path: string,
  options: {
    reference?: string
    shapes?: Record<string, number[]>
    deep?: boolean
    plain?: boolean
    worldSize?: number
    decisions?: readonly Decision[]
  } = {},
) {
  const checkpoint = await opened(path)
  const verification = await verify(checkpoint, { kernel: referenceKernel, deep: options.deep ?? false })
  const neighbours = new Neighbours(checkpoint)
  onTestFinished(() => neighbours.close())
  const plan = await planRepair(checkpoint, verification, {
    neighbours,
    ...(options.decisions && { decisions: options.decisions }),
    ...(options.reference && { reference: await opened(options.reference) }),
    ...(options.shapes && { shapes: new Map(Object.entries(options.shapes)) }),
    ...(options.plain && { plain: true }),
    ...(options.worldSize !== undefined && { worldSize: options.worldSize }),
  })
  return { checkpoint, verification, plan }
}

/** Writes a safetensors file anew without some of its tensors. */
export function dropTensors(path: string, names: readonly string[]): void {
  const { header, data } = safetensorsAt(path)
  const parts: Buffer[] = []
  let at = 0
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [from, to] = entry.data_offsets
    if (names.includes(name)) delete header[name]
    else {
      parts.push(data.subarray(from, to))
      entry.data_offsets = [at, at + to - from]
      at += to - from
    }
  }
  writeSafetensorsAt(path, header, Buffer.concat(parts))
}

/** Gives every tensor of a safetensors file another name. */
export function renameTensors(path: string, rename: (name: string) => string): void {
  const { header, data } = safetensorsAt(path)
  const renamed = Object.entries(header).map(([name, entry]) => [name === '__metadata__' ? name : rename(name), entry])
  writeSafetensorsAt(path, Object.fromEntries(renamed), data)
}

/** Gives every tensor of a safetensors file one dimension. */
export function flattenTensors(path: string): void {
  const { header, data } = safetensorsAt(path)
  for (const [name, entry] of Object.entries(header))
    if (name !== '__metadata__') entry.shape = [entry.shape.reduce((size, each) => size * each, 1)]
  writeSafetensorsAt(path, header, data)
}

/** Writes a vector of a safetensors file as `times` copies of itself, as a gather that joins equal parts leaves it. */
export function repeatTensor(path: string, name: string, times: number): void {
  const { header, data } = safetensorsAt(path)
  const parts: Buffer[] = []
  let at = 0
  for (const [each, entry] of Object.entries(header)) {
    if (each === '__metadata__') continue
    const own = data.subarray(...entry.data_offsets)
    const copies = each === name ? times : 1
    if (each === name) entry.shape = entry.shape.map((extent) => extent * times)
    entry.data_offsets = [at, at + own.length * copies]
    at += own.length * copies
    for (let i = 0; i < copies; i++) parts.push(own)
  }
  writeSafetensorsAt(path, header, Buffer.concat(parts))
}

/** Gives a float32 tensor of a safetensors file another shape, and its values in another order or fewer of them. */
export function reshapeTensor(
  path: string,
  name: string,
  shape: number[],
  order: (values: Float32Array) => Float32Array,
): void {
  const { header, data } = safetensorsAt(path)
  const parts: Buffer[] = []
  let at = 0
  for (const [each, entry] of Object.entries(header)) {
    if (each === '__metadata__') continue
    const own = Buffer.from(data.subarray(...entry.data_offsets))
    const values = each === name ? Float32Array.from(order(new Float32Array(Uint8Array.from(own).buffer))) : undefined
    const part = values ? Buffer.from(values.buffer) : own
    if (values) entry.shape = shape
    entry.data_offsets = [at, at + part.length]
    at += part.length
    parts.push(part)
  }
  writeSafetensorsAt(path, header, Buffer.concat(parts))
}

type Header = Record<string, { shape: number[]; data_offsets: [number, number] }>

function safetensorsAt(path: string): { header: Header; data: Buffer } {
  const bytes = readFileSync(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  return { header: JSON.parse(bytes.subarray(8, start).toString()), data: bytes.subarray(start) }
}

function writeSafetensorsAt(path: string, header: Header, data: Buffer): void {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([length, text, data]))
}

/** Every tensor with its digest, sorted by name. */
export async function digests({ tensors }: Pick<Checkpoint, 'tensors'>): Promise<TruthTensor[]> {
  const all = await Promise.all(
    tensors.map(async (tensor) => ({
      name: tensor.name,
      dtype: tensor.dtype as string,
      shape: [...tensor.shape],
      sha256: await sha256Of(tensor),
    })),
  )
  return byName(all)
}

export function byName(tensors: readonly TruthTensor[]): TruthTensor[] {
  return tensors
    .map(({ name, dtype, shape, sha256 }) => ({ name, dtype, shape, sha256 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Every file below a folder with its bytes, to see that nothing has changed in it. */
export function snapshot(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map()
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(folder.length + 1), readFileSync(path).toString('base64')]
    }),
  )
}
