import type { ByteSource } from '../../bytes/source'
import { type LegacyFile, readTorchLegacy } from '../../container/torch-legacy'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { sectionsIn } from '../sections'
import type { Contents } from './contents'
import { notWeightsOnly, pickleFindings } from './pickle'
import { type PickledTensors, tensorsOf } from './tensors'

/** A file of `torch.save` before 1.6. Throws as `readTorchLegacy`. */
export async function readTorchLegacyFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const legacy = await readTorchLegacy(source)
  const { main, storages, littleEndian } = legacy
  const sections = sectionsIn(main.value, component)
  const found = tensorsOf(sections, file, ({ key }) => {
    const storage = storages.get(key)
    return storage && { source, ...storage, ...(!littleEndian && { bigEndian: true }) }
  })
  const findings = [...pickleFindings([main], file), ...storageFindings(legacy, found, file, source.size)]
  if (found.tensors.length > 0) {
    findings.push(...notWeightsOnly(main.globals, main.protocol, file), ...untyped(found, file))
  }
  return { tensors: found.tensors, value: main.value, sections, globals: main.globals, findings }
}

function storageFindings(
  { cutAt }: LegacyFile,
  { tensors, bad, lost }: PickledTensors,
  file: string,
  size: number,
): Finding[] {
  const intact = tensors.length - lost.length
  const evidence = { size, intact, lost: lost.length, tensors: lost.slice(0, 50) }
  if (cutAt !== undefined) {
    const message = `${file} ends before its values do: ${intact} of ${tensors.length} tensors are whole`
    return [finding('file/truncated', file, message, { evidence })]
  }
  if (bad.length === 0) return []
  const message = `${file}: ${bad.length} storages are absent or shorter than the pickle says (${some(bad.map(({ key }) => key))})`
  return [finding('file/bad-header', file, message, { evidence })]
}

/** torch 2.13 writes dtypes without a storage class (float8, uint16 ...) into this stream and cannot read them back. */
function untyped(found: PickledTensors, file: string): Finding[] {
  const names = found.tensors.filter(({ dtype }) => /^float[48]_|^uint(16|32|64)$/.test(dtype)).map(({ name }) => name)
  if (names.length === 0) return []
  const message =
    `${file}: ${some(names)} ${names.length === 1 ? 'has' : 'have'} a dtype that the legacy stream cannot name; ` +
    'torch writes such a file and refuses to load it'
  return [
    finding('file/bad-header', file, message, {
      evidence: { tensors: names.slice(0, 50) },
      repair: 'Export the weights as safetensors; their values are all here',
    }),
  ]
}
