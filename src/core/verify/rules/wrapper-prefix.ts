import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { fieldsOf } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import { namingOf } from '../architectures/blueprint'
import { foreignPrefixOf } from '../architectures/foreign-prefix'
import type { Rule } from '../rule'
import { doubledIn } from '../shapes/clean-names'
import { weightsOf } from '../shapes/evidence'
import { commonWrapper, holdsWrapper, patternOf, WRAPPERS } from '../shapes/names'

/**
 * Names that carry what a wrapper put there: a prefix that every name of the file has, or a segment, wherever it stands, that
 * only wrappers use. `module.` alone counts only as the prefix of all, or twice under a key: modules may well be called so. Where the config tells that
 * nothing at all would be loaded by such names, whatever the prefix, it is an error.
 */
export const wrapperPrefix: Rule = {
  ids: ['weights/wrapper-prefix'],
  needs: 'structure',
  *check({ checkpoint }) {
    const foreign = foreignPrefixOf(checkpoint)
    if (foreign) {
      const { prefix, architecture, fits } = foreign
      const message = `All names begin with ${prefix}, which ${architecture} has not: from_pretrained finds none of them and begins with new weights`
      yield finding('weights/wrapper-prefix', prefix, message, {
        severity: 'error',
        evidence: { prefix, architecture, fits, foreign: true },
        repair: `Strip ${prefix} from the names`,
      })
      return
    }
    const own = namingOf(checkpoint.config)?.names
    for (const [file, names] of namesByFile(weightsOf(checkpoint))) {
      if (own) yield* someWrapped(file, names, own)
      const averaged = names.includes('n_averaged')
      const prefix = commonWrapper(names)
      if (prefix !== '') {
        const who = averaged ? 'AveragedModel, which also keeps n_averaged' : whoPut(prefix)
        const count = names.filter((name) => name.startsWith(prefix)).length
        yield finding('weights/wrapper-prefix', prefix, `All ${count} names in ${file} begin with ${prefix} (${who})`, {
          ...(findsNothing(checkpoint) && { severity: 'error' as const }),
          evidence: { file, prefix, tensors: count, averaged },
          repair: `Strip ${prefix} from the names`,
        })
      }
      for (const doubled of prefix === '' ? doubledIn(names) : []) {
        const count = names.filter((name) => name.startsWith(doubled)).length
        const message = `All ${count} names under ${doubled.slice(0, doubled.indexOf('.'))} in ${file} have module. twice (${whoPut('module.')}, around a model that was wrapped already)`
        yield finding('weights/wrapper-prefix', doubled, message, {
          evidence: { file, prefix: doubled, tensors: count },
          repair: 'Take one of the two out of the names',
        })
      }
      const holders = names.filter((name) => holdsWrapper(name.slice(prefix.length)))
      for (const { segment, who } of WRAPPERS) {
        const wrapped = holders.filter((name) => name.slice(prefix.length).split('.').includes(segment))
        if (wrapped.length === 0) continue
        const message = `${wrapped.length} of ${names.length} names in ${file} hold ${segment} (${who}), such as ${wrapped[0]}`
        yield finding('weights/wrapper-prefix', `${segment}.`, message, {
          evidence: { file, segment, tensors: wrapped.length },
          repair: `Strip ${segment} from the names`,
        })
      }
    }
  },
}

const PARALLEL = 'module.'

/** Names of a known model that bear the prefix of a wrapper, beside others that do not: parts of two saves. */
function* someWrapped(file: string, names: readonly string[], own: ReadonlySet<string>): Generator<Finding> {
  const held = new Set(names)
  const wrapped = names.filter((name) => {
    const inner = name.slice(PARALLEL.length)
    if (!name.startsWith(PARALLEL) || own.has(patternOf(name))) return false
    return own.has(patternOf(inner)) && !held.has(inner)
  })
  if (wrapped.length === 0 || names.every((name) => name.startsWith(PARALLEL))) return
  const message = `${wrapped.length} of ${names.length} names in ${file} begin with ${PARALLEL}, such as ${wrapped[0]}, and the others do not: loading leaves these out and begins with new weights there`
  yield finding('weights/wrapper-prefix', PARALLEL, message, {
    severity: 'error',
    evidence: { file, prefix: PARALLEL, tensors: wrapped.length },
  })
}

/**
 * Whether the loader of a Trainer or PEFT folder passes over every such name: transformers and PEFT save no wrapper's prefix and
 * strip none. A model of its own code may be called as it likes.
 */
function findsNothing({ layout, config }: Checkpoint): boolean {
  const fields = fieldsOf(config)
  const own = fields?.auto_map !== undefined && fields.auto_map !== null
  const isModel = Array.isArray(fields?.architectures) && fields.architectures.length > 0
  const isAdapter = typeof fields?.peft_type === 'string'
  return (layout === 'trainer' || layout === 'peft') && !own && (isModel || isAdapter)
}

function namesByFile(tensors: readonly Tensor[]): Map<string, string[]> {
  const files = new Map<string, string[]>()
  for (const { file, name } of tensors) {
    const names = files.get(file)
    if (names) names.push(name)
    else files.set(file, [name])
  }
  return files
}

function whoPut(prefix: string): string {
  const segments = prefix.split('.').filter((segment) => segment !== '')
  const who = segments.map(
    (segment) =>
      WRAPPERS.find((wrapper) => wrapper.segment === segment)?.who ?? 'DataParallel or DistributedDataParallel',
  )
  return [...new Set(who)].join(', ')
}
