import type { Checkpoint, FileKind, PickledMember } from '../../core/checkpoint/checkpoint'
import { allowedByWeightsOnly, type GlobalUse } from '../../core/decode/pickle/globals'
import { outlineAt, type Refusal, refusalsIn } from '../../core/decode/pickle/outline'
import { AssayError } from '../../core/errors'
import { procedures } from '../base'

const pickles = procedures.pickles.handler(({ input: { id }, context: { engine } }) =>
  partsOf(engine.get(id).checkpoint).map(pickledFile),
)

const node = procedures.raw.handler(({ input: { id, file, path, offset, limit }, context: { engine } }) => {
  const part = partsOf(engine.get(id).checkpoint).find((each) => each.path === file)
  if (part?.value === undefined) {
    const wrong = part && troubleOf(part)
    throw new AssayError('file/unreadable', wrong ?? `${file} holds no object that can be shown as one tree`, {
      file,
      hint: 'What it imports is listed all the same, as far as it was read.',
    })
  }
  const outline = outlineAt(part.value, path, offset, limit)
  if (!outline) throw new AssayError('file/unreadable', `There is no such node in ${file}`, { file })
  return outline
})

const texts = procedures.texts.handler(({ input: { id }, context: { engine } }) =>
  engine
    .get(id)
    .checkpoint.files.flatMap(({ path: file, texts: held = [] }) =>
      held.map(({ path, size }) => ({ file, path, size })),
    ),
)

const text = procedures.text.handler(async ({ input: { id, file, path, offset, limit }, context: { engine } }) => {
  const held = engine.get(id).checkpoint.files.find((each) => each.path === file)
  const record = held?.texts?.find((each) => each.path === path)
  if (!record) throw new AssayError('file/unreadable', `There is no text ${path} in ${file}`, { file })
  const whole = await record.read()
  return { text: whole.slice(offset, offset + limit), total: whole.length }
})

export const raw = { pickles, raw: node, texts, text }

const PICKLED: ReadonlySet<FileKind> = new Set(['pickle', 'torch-zip', 'torch-legacy', 'tar'])

/** The pickles of a checkpoint: files, and each of those inside a file that has several. */
function partsOf({ files }: Checkpoint): PickledMember[] {
  return files.flatMap((file) => {
    if (file.members) return file.members.map((member) => ({ ...member, path: `${file.path}/${member.path}` }))
    const decoded = file.value !== undefined || file.globals.length > 0
    return decoded || (PICKLED.has(file.kind) && troubleOf(file) !== undefined) ? [file] : []
  })
}

/** Why there is no tree. */
function troubleOf({ value, findings }: PickledMember): string | undefined {
  if (value !== undefined) return undefined
  return findings.find(({ rule, severity }) => severity === 'error' && rule !== 'pickle/dangerous')?.message
}

function pickledFile(part: PickledMember) {
  const { path, value, globals, refusedOpcode } = part
  const refusals = value === undefined ? [] : refusalsIn(value)
  const error = troubleOf(part)
  return {
    file: path,
    ...(error !== undefined && { error }),
    globals: globals.map(({ module, name, verdict }) => ({
      module,
      name,
      verdict,
      allowed: allowedByWeightsOnly(module, name),
    })),
    refusals: refusals.map(({ module, name, where, path: at }) => ({ module, name, where: [...where], path: [...at] })),
    ...(refusedOpcode !== undefined && { refusedOpcode }),
    admit: refusals.length === 0 || refusedOpcode !== undefined || globals.some(isBeyond) ? null : admitting(refusals),
  }
}

/** Whether no allow-list helps: it is dangerous, or a class of TorchScript, which no module holds. */
function isBeyond({ module, verdict }: GlobalUse): boolean {
  return verdict === 'dangerous' || /^__torch__(\.|$)/.test(module)
}

/** `torch.serialization.safe_globals` with the imports it needs (torch 2.5 and newer). */
function admitting(refusals: readonly Refusal[]): string {
  const python = refusals.map(({ module, name }) => ({
    module: module === '__builtin__' ? 'builtins' : module,
    name:
      module === '__builtin__' && name === 'long'
        ? 'int'
        : module === '__builtin__' && name === 'unicode'
          ? 'str'
          : name,
  }))
  const modules = [...new Set(python.map(({ module }) => module))].sort()
  const names = python.map(({ module, name }) => `${module}.${name}`)
  return `import torch, ${modules.join(', ')}\ntorch.serialization.add_safe_globals([${names.join(', ')}])`
}
