import type { StateFile } from '../../core/checkpoint/checkpoint'
import { allowedByWeightsOnly } from '../../core/decode/pickle/globals'
import { outlineAt, type Refusal, refusalsIn } from '../../core/decode/pickle/outline'
import { AssayError } from '../../core/errors'
import { procedures } from '../base'

const pickles = procedures.pickles.handler(({ input: { id }, context: { engine } }) =>
  engine.get(id).checkpoint.files.filter(isPickled).map(pickledFile),
)

const node = procedures.raw.handler(({ input: { id, file, path, offset, limit }, context: { engine } }) => {
  const held = engine.get(id).checkpoint.files.find((each) => each.path === file)
  if (held?.value === undefined) {
    const wrong = held?.findings.find(({ rule, severity }) => severity === 'error' && rule !== 'pickle/dangerous')
    throw new AssayError('file/unreadable', wrong?.message ?? `${file} holds no object that can be shown as one tree`, {
      file,
      hint: 'What it imports is listed all the same, as far as it was read.',
    })
  }
  const outline = outlineAt(held.value, path, offset, limit)
  if (!outline) throw new AssayError('file/unreadable', `There is no such node in ${file}`, { file })
  return outline
})

export const raw = { pickles, raw: node }

function isPickled({ value, globals }: StateFile): boolean {
  return value !== undefined || globals.length > 0
}

function pickledFile({ path, value, globals }: StateFile) {
  const refusals = value === undefined ? [] : refusalsIn(value)
  return {
    file: path,
    globals: globals.map(({ module, name, verdict }) => ({
      module,
      name,
      verdict,
      allowed: allowedByWeightsOnly(module, name),
    })),
    refusals: refusals.map(({ module, name, where, path: at }) => ({ module, name, where: [...where], path: [...at] })),
    admit: refusals.length === 0 || globals.some(({ verdict }) => verdict === 'dangerous') ? null : admitting(refusals),
  }
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
