import { openFile } from '../bytes/file'
import { baseName, joinPath, listFolder, parentOf, pathKind } from '../bytes/folder'
import { readBytes } from '../bytes/source'
import type { Run } from '../checkpoint/checkpoint'
import { POINTER } from '../checkpoint/open'
import { AssayError } from '../errors'
import { type Finding, finding } from '../finding'

interface Pointer {
  /** Name of the text file. */
  readonly name: string
  /** The name in the folder that its text means. */
  readonly target: (text: string) => string
  /** What resuming by it does where that is not there. */
  readonly outcome: string
}

/**
 * Texts that name the last checkpoint. DeepSpeed 0.15 (runtime/engine.py) asserts that the files of the tag exist; Megatron-LM
 * (training/checkpointing.py) opens them; detectron2 (fvcore, common/checkpoint.py) and mmengine 0.10 (runner/checkpoint.py)
 * write `last_checkpoint`, with a path that another machine may have had.
 */
const POINTERS: readonly Pointer[] = [
  {
    name: 'latest',
    target: (text) => text,
    outcome:
      'DeepSpeed stops when it is to load without a tag; a Trainer does not look at it and takes the highest number',
  },
  {
    name: 'latest_checkpointed_iteration.txt',
    target: (text) => (/^\d+$/.test(text) ? `iter_${text.padStart(7, '0')}` : text),
    outcome: 'Megatron-LM stops when it is to load',
  },
  {
    name: 'last_checkpoint',
    target: (text) => text.split(/[\\/]/).at(-1) ?? '',
    outcome: 'Detectron2 and MMEngine stop when they are to resume',
  },
]
/** A pointer holds one name. */
const LONGEST_NAME = 4096
/** What names a checkpoint of the run that is not there: texts and dead links beside the checkpoints, told as seen from `root`. */
export async function stalePointers(run: Run, root: string): Promise<Finding[]> {
  const places = new Set([run.path, ...run.checkpoints.map(({ path }) => parentOf(path))])
  const found: Finding[] = []
  for (const place of places) {
    for (const { path: name, kind } of listFolder(place, 1)) {
      const subject = place === root ? name : joinPath(place, name).slice(root.length + 1)
      if (kind === 'other' && POINTER.test(name)) {
        const message = `${subject} is a link to a checkpoint that is not there: what resumes by this name finds nothing`
        found.push(finding('trainer/stale-pointer', subject, message))
      }
      const pointer = kind === 'file' ? POINTERS.find((each) => each.name === name) : undefined
      const dangling = pointer && (await danglingText(place, pointer))
      if (!pointer || dangling === undefined) continue
      const { text, target } = dangling
      const message = `${subject} names ${JSON.stringify(text)}, and there is no ${target} here: ${pointer.outcome}`
      found.push(finding('trainer/stale-pointer', subject, message, { evidence: { file: subject, target: text } }))
    }
  }
  return found
}

async function danglingText(place: string, pointer: Pointer): Promise<{ text: string; target: string } | undefined> {
  const text = await shortText(joinPath(place, pointer.name))
  // Megatron-LM's word for weights that were released without a step.
  if (text === undefined || text === 'release') return undefined
  const target = pointer.target(text)
  // Only a name in this folder is looked for.
  if (target === baseName(target) && pathKind(joinPath(place, target)) !== undefined) return undefined
  return { text, target }
}

async function shortText(path: string): Promise<string | undefined> {
  try {
    const source = openFile(path)
    try {
      if (source.size > LONGEST_NAME) return undefined
      return new TextDecoder().decode(await readBytes(source, 0, source.size)).trim()
    } finally {
      source.close()
    }
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}
