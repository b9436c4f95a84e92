import { openFile } from '../bytes/file'
import { fileAt, parentOf } from '../bytes/folder'
import { Neighbours } from '../bytes/neighbours'
import type { ByteSource } from '../bytes/source'
import { oddName } from '../decode/odd-name'
import { AssayError } from '../errors'
import { type Finding, finding, findingOf } from '../finding'
import type { ComponentId, FileKind, StateFile } from './checkpoint'
import type { Contents } from './files/contents'
import { readFlaxFile } from './files/flax'
import { readGgufFile } from './files/gguf'
import { readHdf5File } from './files/hdf5'
import { readJsonFile } from './files/json'
import { readMetricsCsv } from './files/metrics-csv'
import { readNpyFile } from './files/npy'
import { readOnnxFile } from './files/onnx'
import { readPickleFile } from './files/pickle'
import { readSafetensorsFile } from './files/safetensors'
import { readTarFile } from './files/tar'
import { readBundleFile } from './files/tensor-bundle'
import { readEventFile } from './files/tensorboard'
import { readTorchLegacyFile } from './files/torch-legacy'
import { readZipFile } from './files/zip'
import { recognise } from './recognise'

/** A state file with its parts told apart, and its source still open. */
export type OpenStateFile = StateFile & Pick<Contents, 'sections' | 'records'> & { close(): void }

/**
 * Opens one file of a checkpoint as far as its header: names, shapes and where the values are, but no value.
 * `relative` is what it is called in findings, `component` what it holds unless its contents say otherwise (a training
 * dict opened as `weights` or `trainer` is told apart by its keys). Never throws for bad content: what is wrong stands in
 * `findings`, and a file that cannot be opened at all has no tensors and one error there.
 */
export async function openStateFile(
  absolute: string,
  relative: string,
  component: ComponentId,
): Promise<OpenStateFile> {
  let source: ByteSource
  const modified = fileAt(absolute)?.modified
  try {
    source = openFile(absolute, relative)
  } catch (error) {
    return failed(relative, 0, findingOf(error, relative))
  }
  const neighbours = new Neighbours(parentOf(absolute))
  let kind: FileKind = 'other'
  try {
    const recognition = await recognise(source)
    const odd = recognition.finding
    kind = recognition.kind
    const contents = odd
      ? { tensors: [], sections: [], globals: [], findings: [odd] }
      : await read(source, kind, relative, component, neighbours)
    const odds = CHECKED.has(kind) ? [] : oddNames(contents, relative)
    return {
      path: relative,
      size: source.size,
      ...(modified !== undefined && { modified }),
      kind,
      ...contents,
      findings: [...contents.findings, ...odds],
      close: () => {
        source.close()
        neighbours.close()
      },
    }
  } catch (error) {
    source.close()
    neighbours.close()
    if (!(error instanceof AssayError)) throw error
    return { ...failed(relative, source.size, findingOf(error, relative)), kind }
  }
}

function read(
  source: ByteSource,
  kind: FileKind,
  file: string,
  component: ComponentId,
  neighbours: Neighbours,
): Promise<Contents> {
  switch (kind) {
    case 'safetensors':
      return readSafetensorsFile(source, file, component)
    case 'torch-zip':
      return readZipFile(source, file, component, readRecord)
    case 'tar':
      return readTarFile(source, file, component, readRecord)
    case 'torch-legacy':
      return readTorchLegacyFile(source, file, component)
    case 'pickle':
      return readPickleFile(source, file, component)
    case 'npy':
      return readNpyFile(source, file, component)
    case 'tensorboard':
      return readEventFile(source, file)
    case 'csv':
      return readMetricsCsv(source, file)
    case 'gguf':
      return readGgufFile(source, file, component)
    case 'onnx':
      return readOnnxFile(source, file, component, neighbours)
    case 'flax':
      return readFlaxFile(source, file, component)
    case 'tensor-bundle':
      return readBundleFile(source, file, component, neighbours)
    case 'hdf5':
      return readHdf5File(source, file, component)
    default:
      return readJsonFile(source, file)
  }
}

/** A state file inside an archive. Archives inside it are not opened: a zip can hold itself. */
async function readRecord(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const { kind, finding: odd } = await recognise(source)
  if (odd) return { tensors: [], sections: [], globals: [], findings: [{ ...odd, subject: file }] }
  if (kind === 'torch-zip') return readZipFile(source, file, component)
  if (kind !== 'tar') return read(source, kind, file, component, new Neighbours(undefined))
  throw new AssayError('file/resource-bomb', `${source.name}: archives in archives are not opened`, { file })
}

function failed(path: string, size: number, error: Finding): OpenStateFile {
  return { path, size, kind: 'other', tensors: [], sections: [], globals: [], findings: [error], close() {} }
}

/** Formats whose readers look at the names. */
const CHECKED: ReadonlySet<FileKind> = new Set<FileKind>(['safetensors', 'gguf'])

function oddNames({ tensors }: Contents, file: string): Finding[] {
  const odd = tensors.map(({ name }) => name).filter((name) => oddName(name) !== undefined)
  const first = odd[0]
  if (first === undefined) return []
  const message = `${file}: the name ${JSON.stringify(first)} ${oddName(first)}`
  return [finding('file/odd-name', first, message, { evidence: { file, names: odd.slice(0, 50) } })]
}
