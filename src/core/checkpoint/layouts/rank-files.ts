import { joinPath } from '../../bytes/folder'
import { type Finding, finding } from '../../finding'
import type { ComponentId, StateFile } from '../checkpoint'
import type { Draft } from '../draft'
import { RANK } from '../listing'
import { some } from '../names'
import { joinedRanks, type RankFile } from '../ranks'
import { openStateFile } from '../state-file'
import { stepIn } from '../training/counters'
import { partsOf } from '../training/parts'

/** Files of one name that are opened, all at once. */
const MOST_FILES = 4096
/** Files told one by one where many are missing: a count in a pickle may be of any size. */
const MOST_TOLD = 50

/**
 * Opens the files of one name that ranks saved each for itself (`model_rank0.pt`, `pytorch_model_fsdp_0_rank1.bin` of Accelerate with
 * `use_dcp=False`), puts the pieces in them together, and reports the files that are not here. Where they hold no pieces, each is by itself.
 */
export async function openRankFiles(
  draft: Draft,
  paths: readonly string[],
  component: ComponentId,
): Promise<readonly StateFile[]> {
  const files: RankFile[] = []
  try {
    for (const path of paths.slice(0, MOST_FILES)) {
      const rank = Number(RANK.exec(path)?.[1] ?? 0)
      files.push({ rank, file: await openStateFile(joinPath(draft.listing.root, path), path, component) })
    }
    return await addRanks(draft, paths, files, component)
  } catch (error) {
    // The draft closes only what it was given.
    for (const { file } of files) file.close()
    throw error
  }
}

async function addRanks(
  draft: Draft,
  paths: readonly string[],
  files: RankFile[],
  component: ComponentId,
): Promise<readonly StateFile[]> {
  const rest = paths[MOST_FILES]
  if (rest !== undefined) {
    const message = `${paths.length} files are called like ${rest}; the first ${MOST_FILES} are opened`
    draft.findings.push(finding('file/unknown-format', rest, message, { severity: 'info' }))
  }
  files.sort((a, b) => a.rank - b.rank)
  const odd = await otherStep(files)
  if (odd) draft.findings.push(odd)
  const joined = odd ? undefined : joinedRanks(files)
  const opened = joined?.files ?? files.map(({ file }) => file)
  for (const [i, file] of opened.entries()) await draft.add(file, files.length > 1 ? files[i]?.rank : undefined)
  if (!joined) return opened
  const { processes, torn } = joined
  draft.worldSize = Math.max(draft.worldSize ?? 0, processes)
  const have = new Set(files.map(({ rank }) => rank))
  const gone: string[] = []
  for (let rank = 0; rank < processes && gone.length < MOST_TOLD; rank++)
    if (!have.has(rank))
      gone.push((paths[0] as string).replace(RANK, (text, number) => text.replace(number, `${rank}`)))
  const rule = component === 'optimizer' ? 'optimizer/missing-rank' : 'weights/missing-shard'
  for (const path of torn.length > 0 ? gone : []) {
    const message = `${path} is not here: the pieces that one of ${processes} processes keeps; values of ${torn.length} tensors are lost with it (${some(torn)})`
    draft.findings.push(
      finding(rule, path, message, { evidence: { ranks: processes, missing: processes - have.size } }),
    )
  }
  return opened
}

/** Says where files count another number of steps than the first: pieces of two saves make a tensor of neither. */
async function otherStep(files: readonly RankFile[]): Promise<Finding | undefined> {
  let first: { readonly path: string; readonly step: number } | undefined
  for (const { file } of files) {
    const { records } = await partsOf(file)
    const step = records.map(({ value }) => stepIn(value)?.value).find((count) => count !== undefined)
    if (step === undefined) continue
    first ??= { path: file.path, step }
    if (step === first.step) continue
    const message = `${file.path} counts ${step} steps, ${first.path} ${first.step}: they are of two saves, and their pieces are not put together`
    return finding('trainer/step-mismatch', file.path, message, { evidence: { expected: first.step, got: step } })
  }
  return undefined
}

/** The paths in groups, in their order: files of one name but for the rank together, every other alone. */
export function byRankName(paths: readonly string[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const path of paths) {
    const name = RANK.test(path) ? path.replace(RANK, 'rank*') : path
    const group = groups.get(name)
    if (group) group.push(path)
    else groups.set(name, [path])
  }
  return [...groups.values()]
}
