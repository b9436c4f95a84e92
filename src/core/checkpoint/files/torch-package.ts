import type { ZipArchive } from '../../container/zip'
import type { DecodedPickle } from '../../decode/pickle/machine'
import { findingOf } from '../../finding'
import type { ComponentId, PickledMember } from '../checkpoint'
import { type Section, sectionsIn } from '../sections'
import type { Contents } from './contents'
import { distinct, pickleFindings, refusedOpcodeOf } from './pickle'
import { tensorsOf } from './tensors'
import { decodeOthers, decodeRecord, storageFindings, storageRecords, textsIn, tornFinding } from './torch-records'

const MARK = /^((?:[^/]+\/)?)\.data\/extern_modules$/
/** Pickled objects of one package that are taken apart. */
const MOST_OBJECTS = 256

/** Whether the archive is one of `torch.package`, and not of `torch.save`, which has a `.data` folder too. */
export function isTorchPackage({ entries }: ZipArchive): boolean {
  return entries.some(({ name }) => MARK.test(name))
}

/**
 * A zip of `torch.package`: `<package>/<resource>.pkl` are pickled objects, `.data/<key>.storage` the storages of all of
 * them, `.data/ts_code/<n>/data.pkl` scripted modules, the rest their code and other resources, told as text
 * (torch/package/package_exporter.py and caffe2 `ScriptModuleSerializer`). Tensors are named as in their object, and by
 * the object where there are several. Throws as `openZip`.
 */
export async function readTorchPackage(archive: ZipArchive, file: string, component: ComponentId): Promise<Contents> {
  const root = archive.entries.flatMap(({ name }) => MARK.exec(name)?.[1] ?? [])[0] ?? ''
  const entries = archive.entries.filter(({ name }) => isObject(name.slice(root.length))).slice(0, MOST_OBJECTS)
  const pickles: DecodedPickle[] = []
  const sections: Section[] = []
  for (const entry of entries) {
    const pickle = await decodeRecord(archive, entry)
    pickles.push(pickle)
    const name = entry.name
      .slice(root.length)
      .replace(/^\.data\/ts_code\//, 'script.')
      .replace(/(\/data)?\.pkl$/, '')
    for (const section of sectionsIn(pickle.value, component)) {
      const key = section.key === undefined ? name : `${name}.${section.key}`
      sections.push({ ...section, key: key.replaceAll('/', '.') })
    }
  }
  pickles.push(...(await decodeOthers(archive, new Set(entries))))
  const members = entries.map(({ name }, i) => memberOf(name, pickles[i] as DecodedPickle, file))
  const holding = sections.filter(
    ({ value }) => tensorsOf([{ component, value }], file, () => undefined).tensors.length > 0,
  )
  // Scripted modules name the record whole, pickled objects only its number.
  const record = (key: string) => `${root}.data/${key.replace(/\.storage$/, '')}.storage`
  const found = tensorsOf(holding, file, (await storageRecords(archive, root))(record))
  const storages = archive.torn
    ? [tornFinding(archive, file, found.tensors.length - found.lost.length, found.lost.length)]
    : storageFindings(archive, found, file, record)
  return {
    kind: 'torch-package',
    tensors: found.tensors,
    ...(pickles[0]?.value !== undefined && { value: pickles[0].value }),
    members,
    sections: holding,
    globals: distinct(pickles.flatMap((each) => each.globals)),
    findings: [...archive.findings, ...pickleFindings(pickles, file), ...storages],
    texts: textsIn(archive, /\.(py|txt|json|ya?ml|toml|md)$|\/\.data\/(extern_modules|python_version)$/),
  }
}

function memberOf(path: string, pickle: DecodedPickle, file: string): PickledMember {
  const { value, globals, error } = pickle
  const findings = error ? [findingOf(error, file)] : []
  return { path, ...(value !== undefined && { value }), ...refusedOpcodeOf(pickle), globals, findings }
}

/** A pickled resource, or the root of a scripted module. */
function isObject(name: string): boolean {
  return name.startsWith('.data/') ? /^\.data\/ts_code\/\d+\/data\.pkl$/.test(name) : name.endsWith('.pkl')
}
