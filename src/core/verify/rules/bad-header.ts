import { misstatement } from '../../checkpoint/files/torch-records'
import { headerDamage } from '../../container/zip'
import { Report } from '../../decode/report'
import { throwIfAborted } from '../../errors'
import { type Finding, findingOf } from '../../finding'
import { archivesOf, isTold, type OpenArchive } from '../archives'
import type { Rule } from '../rule'

/** Records of one file told one by one. */
const MOST_TOLD = 50
/** Records between two looks at the signal. */
const STRETCH = 1000

/**
 * Records of an archive whose local header is not what the directory says. torch seeks each record by the two lengths in its header:
 * it refuses one without signature, and takes the values from elsewhere where a length is wrong
 * (caffe2/serialize/inline_container.cc, third_party/miniz). Reads headers and descriptors, no values.
 */
export const badHeader: Rule = {
  ids: ['file/bad-header'],
  needs: 'structure',
  async *check({ checkpoint, signal }) {
    for await (const open of archivesOf(checkpoint)) yield* damages(open, signal)
  },
}

async function* damages({ file, archive }: OpenArchive, signal: AbortSignal | undefined): AsyncGenerator<Finding> {
  const unreadable = new Report()
  let told = 0
  for (const [i, entry] of archive.entries.entries()) {
    if (i % STRETCH === 0) throwIfAborted(signal)
    try {
      const damage = await headerDamage(archive, entry)
      if (damage && !isTold(file, entry) && ++told <= MOST_TOLD) yield misstatement(file.path, entry, damage)
    } catch (error) {
      if (isTold(file, entry)) continue
      const { rule, message, evidence } = findingOf(error, file.path)
      unreadable.add(rule, rule, file.path, message, { ...evidence, record: entry.name })
    }
  }
  yield* unreadable.findings(file.path)
}
