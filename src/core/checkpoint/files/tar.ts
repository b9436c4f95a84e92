import type { ByteSource } from '../../bytes/source'
import { readTar, type TarArchive, tarEntrySource } from '../../container/tar'
import { isTorchTar, readTorchTar } from '../../container/torch-tar'
import { type Finding, finding, findingOf } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { sectionsIn } from '../sections'
import type { Contents } from './contents'
import { distinct, pickleFindings } from './pickle'
import { isStateName, type ReadRecord, readStateArchive } from './state-archive'
import { tensorsOf } from './tensors'

/**
 * A tar archive: the form of torch 0.1, or state files packed together (NVIDIA's .nemo), which `readRecord` reads. Another
 * is named by what it holds. Throws as `readTorchTar`.
 */
export async function readTarFile(
  source: ByteSource,
  file: string,
  component: ComponentId,
  readRecord: ReadRecord,
): Promise<Contents> {
  const archive = await readTar(source)
  const torn = archive.torn ? [tornFinding(archive, file)] : []
  if (isTorchTar(archive)) return readTorch(archive, file, component, torn)
  const states = archive.entries.filter(({ name }) => isStateName(name))
  if (states.length > 0 && states.length === new Set(states.map(({ name }) => name)).size) {
    const records = states.map((entry) => ({ name: entry.name, source: tarEntrySource(archive, entry) }))
    return readStateArchive({ records, texts: [], findings: torn }, file, component, readRecord)
  }
  const names = archive.entries.map(({ name }) => name)
  const message = `${file} is a tar archive without a state file (it holds ${some(names) || 'nothing'})`
  const unknown = finding('file/unknown-format', file, message, { evidence: { records: names.slice(0, 50) } })
  return { tensors: [], sections: [], globals: [], findings: [...torn, unknown] }
}

async function readTorch(
  archive: TarArchive,
  file: string,
  component: ComponentId,
  torn: readonly Finding[],
): Promise<Contents> {
  const { main, pickles, storages, trouble } = await readTorchTar(archive)
  const sections = sectionsIn(main.value, component)
  const found = tensorsOf(sections, file, ({ key }) => storages.get(key))
  const findings = [...torn, ...pickleFindings(pickles, file)]
  if (trouble && torn.length === 0) findings.push(findingOf(trouble, file))
  if (found.tensors.length > 0) findings.push(refused(file))
  return {
    kind: 'torch-tar',
    tensors: found.tensors,
    ...(main.value !== undefined && { value: main.value }),
    sections,
    globals: distinct(pickles.flatMap(({ globals }) => globals)),
    findings,
  }
}

/** torch.load(weights_only=True) refuses the form as such (torch/serialization.py of 2.13). */
function refused(file: string): Finding {
  const message = `torch.load(weights_only=True) refuses ${file}: it is a tar archive, the form of torch 0.1`
  return finding('pickle/not-weights-only', file, message, { repair: 'Export the weights as safetensors' })
}

function tornFinding({ torn, source, entries }: TarArchive, file: string): Finding {
  const message = `${file} was cut off (${torn?.reason}); ${entries.length} of its records are whole`
  return finding('file/truncated', file, message, { evidence: { offset: torn?.offset, size: source.size } })
}
