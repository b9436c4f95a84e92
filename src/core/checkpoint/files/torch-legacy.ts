import type { ByteSource } from '../../bytes/source'
import { isTorchLegacyAt, type LegacyFile, readTorchLegacy } from '../../container/torch-legacy'
import type { TorchStorage } from '../../decode/pickle/torch'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { some } from '../names'
import { sectionsIn } from '../sections'
import type { Contents } from './contents'
import { distinct, notWeightsOnly, pickleFindings, refusedOpcodeOf } from './pickle'
import { type PickledTensors, tensorsOf } from './tensors'

/** Objects that one file may hold one behind another. */
const MOST_OBJECTS = 1000

/**
 * A file of `torch.save` before 1.6. Several may have been saved to one open file: `torch.load` gives one after another. The
 * first is the file's own, the others are named by their number. Throws as `readTorchLegacy`.
 */
export async function readTorchLegacyFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const first = await readObject(source, file, component, 0, 0)
  const others: ReadObject[] = []
  for (let at = first.end, i = 1; i < MOST_OBJECTS && (await isTorchLegacyAt(source, at)); i++) {
    const next = await readObject(source, file, component, at, i)
    others.push(next)
    at = next.end
  }
  const all = [first, ...others]
  return {
    tensors: all.flatMap(({ tensors }) => tensors),
    value: first.value,
    ...(first.refusedOpcode && { refusedOpcode: first.refusedOpcode }),
    ...(others.length > 0 && { members: all.map((each, i) => ({ ...each, path: `object ${i}` })) }),
    sections: all.flatMap(({ sections }) => sections),
    globals: distinct(all.flatMap(({ globals }) => globals)),
    findings: all.flatMap(({ findings }) => findings),
  }
}

type ReadObject = Contents & { readonly end: number }

async function readObject(
  source: ByteSource,
  file: string,
  component: ComponentId,
  start: number,
  number: number,
): Promise<ReadObject> {
  const legacy = await readTorchLegacy(source, start)
  const { main, storages, littleEndian, end } = legacy
  const own = sectionsIn(main.value, component)
  const sections = number === 0 ? own : own.map((section) => ({ ...section, key: keyOf(number, section.key) }))
  const locate = ({ key }: TorchStorage) => {
    const storage = storages.get(key)
    return storage && { source, ...storage, ...(!littleEndian && { bigEndian: true }) }
  }
  const found = tensorsOf(sections, file, locate, number === 0 ? '' : String(number))
  const findings = [...pickleFindings([main], file), ...storageFindings(legacy, found, file, source.size)]
  if (found.tensors.length > 0) {
    findings.push(...notWeightsOnly(main, file), ...untyped(found, file))
  }
  const { value, globals } = main
  return { tensors: found.tensors, value, ...refusedOpcodeOf(main), sections, globals, findings, end }
}

function keyOf(number: number, key: string | undefined): string {
  return key === undefined ? String(number) : `${number}.${key}`
}

function storageFindings(
  { cutAt, miscounted }: LegacyFile,
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
  if (miscounted.length > 0) {
    const message = `${file}: ${miscounted.length} storages are as long as their tensors and not as their counts say (${some(miscounted)}); torch refuses them`
    return [finding('file/bad-header', file, message, { evidence })]
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
      evidence: { tensors: names.slice(0, 50), asWritten: true },
      repair: 'Export the weights as safetensors; their values are all here',
    }),
  ]
}
