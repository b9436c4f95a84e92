import type { StateFile } from '../../checkpoint/checkpoint'
import { misstatement } from '../../checkpoint/files/torch-records'
import { checkCrc, type ZipEntry } from '../../container/zip'
import { Report } from '../../decode/report'
import { type Finding, finding, findingOf } from '../../finding'
import { archivesOf, isTold, type OpenArchive } from '../archives'
import type { Rule } from '../rule'
import { list } from '../text'

/** Records of one file told one by one; who knows that so many are damaged needs no more. */
const MOST_TOLD = 50

/** Records of an archive whose bytes are not those that were written. torch.load does not look. */
export const checksum: Rule = {
  ids: ['file/checksum'],
  needs: 'values',
  async *check({ checkpoint, signal }) {
    for await (const open of archivesOf(checkpoint)) yield* mismatches(open, signal)
  },
}

async function* mismatches({ file, archive }: OpenArchive, signal: AbortSignal | undefined): AsyncGenerator<Finding> {
  const unreadable = new Report()
  let told = 0
  let misstated = 0
  for (const entry of archive.entries) {
    try {
      const check = await checkCrc(archive, entry, signal)
      if (check?.misstated !== undefined && !isTold(file, entry) && ++misstated <= MOST_TOLD)
        yield misstatement(file.path, entry, check.misstated)
      if (check?.isSame !== false) continue
    } catch (error) {
      const { rule, message, evidence } = findingOf(error, file.path)
      unreadable.add(rule, rule, file.path, message, { ...evidence, record: entry.name })
      continue
    }
    if (++told > MOST_TOLD) break
    yield mismatch(file, entry)
  }
  yield* unreadable.findings(file.path)
}

function mismatch(file: StateFile, { name, crc32 }: ZipEntry): Finding {
  const tensors = file.tensors
    .filter(({ storage }) => storage && name.endsWith(`/data/${storage.key}`))
    .map((t) => t.name)
  const what = tensors.length > 0 ? `, which holds the values of ${list(tensors)}` : ''
  return finding(
    'file/checksum',
    file.path,
    `${file.path}: the bytes of ${name} differ from the checksum stored with them${what}`,
    {
      evidence: { record: name, crc32, tensors: tensors.slice(0, 50) },
      repair: 'Take the file from another copy: what changed cannot be told',
    },
  )
}
