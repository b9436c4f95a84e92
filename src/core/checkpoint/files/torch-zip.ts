import { entrySource, headerDamage, type ZipArchive } from '../../container/zip'
import type { ComponentId } from '../checkpoint'
import { marksIn, RECORD } from '../rebuilt'
import { type Section, sectionsIn } from '../sections'
import type { Contents } from './contents'
import { foreignZip } from './foreign-zip'
import { distinct, notWeightsOnly, pickleFindings, refusedOpcodeOf } from './pickle'
import { tensorsOf } from './tensors'
import {
  decodeOthers,
  decodeRecord,
  misstatement,
  recordNamed,
  storageFindings,
  storageRecords,
  textsIn,
  tornFinding,
} from './torch-records'

/**
 * A zip that `torch.save` or `torch.jit.save` wrote: `<root>/data.pkl` says what there is, `<root>/data/<key>` are the
 * storages; of a script, `<root>/constants.pkl` and `<root>/constants/<key>` are the constants in its code, which is told as
 * text (caffe2/serialize/inline_container.cc, torch/serialization.py).
 * Reads the directory and the pickles, no storage. Throws AssayError when there is no archive to be read.
 */
export async function readTorchZip(archive: ZipArchive, file: string, component: ComponentId): Promise<Contents> {
  const main = archive.entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name)) ?? recordNamed(archive, 'data.pkl')
  const findings = [...archive.findings]
  if (!main) {
    const why = archive.torn ? tornFinding(archive, file, 0, 0) : foreignZip(archive, file)
    return { tensors: [], sections: [], globals: [], findings: [...findings, why] }
  }
  const root = main.name.slice(0, -'data.pkl'.length)
  const pickle = await decodeRecord(archive, main)
  const damage = await headerDamage(archive, main)
  if (damage !== undefined) findings.push(misstatement(file, main, damage))
  const constants = recordNamed(archive, `${root}constants.pkl`)
  const scripted = constants !== undefined
  const script = constants && (await decodeRecord(archive, constants))
  const others = await decodeOthers(archive, new Set(constants ? [main, constants] : [main]))
  const pickles = [pickle, ...(script ? [script] : []), ...others]

  const records = await storageRecords(archive, root)
  const dataRecord = (key: string) => `${root}data/${key}`
  const sections = sectionsIn(pickle.value, component)
  const found = tensorsOf(sections, file, records(dataRecord))
  const constantRecord = (key: string) => `${root}constants/${key}`
  const constantSections: Section[] =
    script?.value === undefined ? [] : [{ key: 'constants', component: 'weights', value: script.value }]
  const fixed = tensorsOf(constantSections, file, records(constantRecord), 'constants')

  findings.push(...pickleFindings(pickles, file), ...storageFindings(archive, found, file, dataRecord))
  if (!archive.torn) findings.push(...storageFindings(archive, fixed, file, constantRecord))
  const record = archive.entries.find(({ name }) => name === root + RECORD)
  const marks = record && (await marksIn(entrySource(archive, record)))
  const holdsWeights = found.tensors.some((tensor) => tensor.component === 'weights' || tensor.component === 'adapter')
  if (!scripted && holdsWeights) findings.push(...notWeightsOnly(pickle, file))
  return {
    tensors: [...found.tensors, ...fixed.tensors],
    value: pickle.value,
    ...refusedOpcodeOf(pickle),
    sections,
    globals: distinct(pickles.flatMap((each) => each.globals)),
    findings,
    ...marks,
    ...(scripted && { texts: textsIn(archive, /\/code\/.*\.py$/) }),
  }
}
