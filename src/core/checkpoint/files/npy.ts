import { type ByteSource, readBytes } from '../../bytes/source'
import { NPY_HEAD, type NpyHeader, parseNpyHeader } from '../../decode/npy'
import { quote } from '../../decode/report'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { type DType, itemSize } from '../dtype'
import { contiguousStrides, numel, originOf, type Tensor } from '../tensor'
import type { Contents } from './contents'
import { decodePickleIn, pickleFindings } from './pickle'

/** A .npy file: one array, named as the file. Throws as `parseNpyHeader`. */
export async function readNpyFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const header = parseNpyHeader(await readBytes(source, 0, Math.min(NPY_HEAD, source.size)), source.name)
  return readArray(source, header, stem(file), file, component)
}

/** The array behind a header: a tensor, or a finding that says what its elements are; of a pickle also its globals. */
export async function readArray(
  source: ByteSource,
  header: NpyHeader,
  name: string,
  file: string,
  component: ComponentId,
): Promise<Contents> {
  const { dtype, shape, dataOffset } = header
  if (dtype === undefined) return unread(source, header, name, file)
  const bytes = numel(shape) * itemSize(dtype)
  const there = source.size - dataOffset
  const tensor = tensorOf({ ...header, dtype }, source, name, file, component)
  if (bytes <= there) return { tensors: [tensor], sections: [], globals: [], findings: [] }
  const message = `${file} ends before its values do: ${quote(name)} needs ${bytes} bytes, ${there} are there`
  const evidence = { expected: bytes, there, intact: 0, lost: 1, tensors: [name] }
  return {
    tensors: [tensor],
    sections: [],
    globals: [],
    findings: [finding('file/truncated', file, message, { evidence })],
  }
}

function tensorOf(
  { dtype, shape, fortranOrder, bigEndian, dataOffset }: NpyHeader & { readonly dtype: DType },
  source: ByteSource,
  name: string,
  file: string,
  component: ComponentId,
): Tensor {
  const strides = fortranOrder ? contiguousStrides([...shape].reverse()).reverse() : contiguousStrides(shape)
  const place = { source, offset: dataOffset, strides, start: originOf(shape), shape }
  return { name, dtype, shape, file, component, blocks: [{ ...place, ...(bigEndian && { bigEndian }) }] }
}

/** An array whose elements are no numbers. numpy unpickles objects, so what that would import is told as for any pickle. */
async function unread(source: ByteSource, header: NpyHeader, name: string, file: string): Promise<Contents> {
  const { what, shape, pickled, dataOffset } = header
  // An array of its own is the whole file; beside others it is one name among them.
  const subject = name === stem(file) ? file : name
  const why = pickled ? 'stored as a pickle, which numpy loads only with allow_pickle=True' : 'which are no numbers'
  const message = `${file}: ${quote(name)} holds ${what}, ${why}`
  const named = finding('file/unknown-format', subject, message, {
    severity: pickled ? 'warning' : 'info',
    evidence: { name, shape, what },
  })
  if (!pickled) return { tensors: [], sections: [], globals: [], findings: [named] }
  const pickle = await decodePickleIn(source, dataOffset, source.size - dataOffset)
  const findings: Finding[] = [named, ...pickleFindings([pickle], file)]
  return { tensors: [], sections: [], globals: pickle.globals, findings }
}

function stem(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.npy$/i, '')
}
