import { editedPlan } from '../../contract/schemas'
import { openFile } from '../../core/bytes/file'
import { obstacleAt, pathKind } from '../../core/bytes/folder'
import { readBytes } from '../../core/bytes/source'
import { parseJson } from '../../core/decode/json'
import { AssayError } from '../../core/errors'
import { procedures } from '../base'

/** A step takes about a kilobyte: a plan of 100,000 tensors has room. */
const MOST_BYTES = 2 ** 28

const readPlan = procedures.readPlan.handler(async ({ input: { path } }) => {
  const result = editedPlan.safeParse(parseJson(await textOf(path), path))
  if (!result.success) {
    const [issue] = result.error.issues
    throw noPlan(path, `${issue?.path.join('.')}: ${issue?.message}`)
  }
  const { plan } = result.data
  if (new Set(plan.map(({ step }) => step)).size !== plan.length) throw noPlan(path, 'it lists a step twice')
  return result.data
})

/** Throws `file/unreadable` where there is no file, and `usage` where it is none that people have edited. */
async function textOf(path: string): Promise<string> {
  // A pipe that nobody writes to would be waited for.
  const kind = pathKind(path)
  if (kind === undefined) throw obstacleAt(path)
  if (kind === 'folder') throw noPlan(path, 'it is a folder')
  const file = openFile(path)
  try {
    if (file.size > MOST_BYTES) throw noPlan(path, `it has ${file.size} bytes`)
    return new TextDecoder().decode(await readBytes(file, 0, file.size))
  } finally {
    file.close()
  }
}

function noPlan(path: string, why: string): AssayError {
  return new AssayError('usage', `${path} is no plan of a repair: ${why}`, {
    file: path,
    hint: 'The window saves one, and assay repair --dry-run --json prints one.',
  })
}

export const planFiles = { readPlan }
