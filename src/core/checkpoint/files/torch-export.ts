import { entrySource, type ZipArchive, type ZipEntry } from '../../container/zip'
import { parseJson } from '../../decode/json'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { type DType, itemSize } from '../dtype'
import { spanOf } from '../gather'
import { some } from '../names'
import { originOf, type Tensor } from '../tensor'
import type { Contents } from './contents'
import { distinct, pickleFindings } from './pickle'
import { bytesThere, decodeOthers, readRecordText, textsIn, tornFinding } from './torch-records'

const MARK = /^((?:[^/]+\/)?)archive_format$/
/** Tables that say what the weights and constants of each model are called and where they are. */
const TABLE = /^data\/(weights|constants)\/([^/]+)_(?:weights|constants)_config\.json$/
const LARGEST_TABLE = 256 << 20
const MOST_DIMENSIONS = 64

/** Numbers of element types in exported programs (torch/_export/serde/schema.py, `ScalarType`, torch 2.13). */
const DTYPES: Readonly<Record<number, DType>> = {
  1: 'uint8',
  2: 'int8',
  3: 'int16',
  4: 'int32',
  5: 'int64',
  6: 'float16',
  7: 'float32',
  8: 'float64',
  9: 'complex32',
  10: 'complex64',
  11: 'complex128',
  12: 'bool',
  13: 'bfloat16',
  28: 'uint16',
  29: 'float8_e4m3fn',
  30: 'float8_e5m2',
  31: 'float8_e4m3fnuz',
  32: 'float8_e5m2fnuz',
  33: 'float8_e8m0fnu',
  34: 'uint32',
  35: 'uint64',
}

/** Whether the archive is a .pt2 of `torch.export.save`. */
export function isTorchExport({ entries }: ZipArchive): boolean {
  return entries.some(({ name }) => MARK.test(name))
}

/**
 * A .pt2 archive (torch/export/pt2_archive, torch 2.8 and later): tables map the names of weights and constants to records
 * of bare bytes with dtype, sizes and strides; the programs are JSON, told as text. Constants are named `constants.<name>`,
 * and everything by its model where there are several. Reads the tables, no values. Throws as `openZip`.
 */
export async function readTorchExport(archive: ZipArchive, file: string, component: ComponentId): Promise<Contents> {
  const root = archive.entries.flatMap(({ name }) => MARK.exec(name)?.[1] ?? [])[0] ?? ''
  const records = new Map(archive.entries.map((entry) => [entry.name.slice(root.length), entry]))
  const tables = [...records].flatMap(([path, entry]) => {
    const [, folder, model] = TABLE.exec(path) ?? []
    return folder !== undefined && model !== undefined && entry.size <= LARGEST_TABLE ? [{ folder, model, entry }] : []
  })
  const several = new Set(tables.map(({ model }) => model)).size > 1
  const tensors: Tensor[] = []
  const lost: string[] = []
  const sources = new Map<ZipEntry, Tensor['blocks'][number]['source']>()
  for (const { folder, model, entry } of tables) {
    const table = fieldsOf(fieldsOf(parseJson(await readRecordText(archive, entry), `${file}:${entry.name}`))?.config)
    for (const [key, row] of Object.entries(table ?? {})) {
      const name = [...(several ? [model] : []), ...(folder === 'constants' ? ['constants'] : []), key].join('.')
      const meta = metaOf(row)
      if (meta === undefined) {
        lost.push(name)
        continue
      }
      const { dtype, shape, strides, offset, path, requiresGrad, pickled } = meta
      const record = records.get(`data/${folder}/${path}`)
      const needed = (spanOf(shape, strides) + offset) * itemSize(dtype)
      const whole = record !== undefined && !pickled && bytesThere(archive, record) >= needed
      if (!whole) lost.push(name)
      const named = { name, dtype, shape, file, component, requiresGrad }
      if (!record || !whole) {
        tensors.push({ ...named, blocks: [] })
        continue
      }
      const source = sources.get(record) ?? entrySource(archive, record)
      sources.set(record, source)
      const block = { source, offset: offset * itemSize(dtype), strides, start: originOf(shape), shape }
      tensors.push({ ...named, blocks: [block], storage: { key: `${folder}/${path}`, byteLength: record.size } })
    }
  }
  const pickles = await decodeOthers(archive, new Set())
  const findings = [...archive.findings, ...pickleFindings(pickles, file)]
  if (archive.torn) findings.push(tornFinding(archive, file, tensors.length - lost.length, lost.length))
  else if (lost.length > 0) findings.push(unread(file, lost))
  return {
    kind: 'torch-export',
    tensors,
    sections: [],
    globals: distinct(pickles.flatMap((each) => each.globals)),
    findings,
    texts: textsIn(archive, /\/models\/[^/]+\.json$|_config\.json$|\/archive_(format|version)$|\.(py|txt|cpp)$/),
  }
}

function unread(file: string, lost: readonly string[]): Finding {
  const message = `${file}: the values of ${some(lost)} are not there, or in a form that Assay does not read`
  return finding('file/bad-header', file, message, { evidence: { tensors: lost.slice(0, 50) } })
}

interface Meta {
  readonly dtype: DType
  readonly shape: number[]
  readonly strides: number[]
  /** In elements. */
  readonly offset: number
  readonly path: string
  readonly requiresGrad: boolean
  readonly pickled: boolean
}

function metaOf(row: Plain): Meta | undefined {
  const fields = fieldsOf(row)
  const meta = fieldsOf(fields?.tensor_meta)
  const dtype = DTYPES[numberOf(meta?.dtype) ?? 0]
  const shape = integersOf(meta?.sizes)
  const strides = integersOf(meta?.strides)
  const offset = integerOf(meta?.storage_offset)
  const path = fields?.path_name
  if (!dtype || !shape || !strides || offset === undefined || typeof path !== 'string') return undefined
  const span = spanOf(shape, strides)
  const count = shape.reduce((product, extent) => product * extent, 1)
  if (shape.length !== strides.length || !Number.isSafeInteger((span + offset + count) * 16)) return undefined
  const requiresGrad = meta?.requires_grad === true
  return { dtype, shape, strides, offset, path, requiresGrad, pickled: fields?.use_pickle === true }
}

/** `{"as_int": 3}`; symbolic sizes have no integer. */
function integerOf(value: Plain | undefined): number | undefined {
  const integer = numberOf(fieldsOf(value)?.as_int) ?? numberOf(value)
  return integer !== undefined && Number.isSafeInteger(integer) && integer >= 0 ? integer : undefined
}

function integersOf(value: Plain | undefined): number[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_DIMENSIONS) return undefined
  const integers = value.flatMap((each) => integerOf(each) ?? [])
  return integers.length === value.length ? integers : undefined
}
