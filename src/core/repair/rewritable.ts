import type { StateFile } from '../checkpoint/checkpoint'
import { type Finding, RULES, type RuleId } from '../finding'

const KINDS: Readonly<Record<string, string>> = {
  'torch-legacy': 'a PyTorch file of the form before 1.6',
  pickle: 'a bare pickle',
}

/** Forms that a torch zip takes the place of once what they hold is plain. */
const MADE_PLAIN: ReadonlySet<string> = new Set(['torch-zip', 'torch-legacy', 'torch-tar', 'pickle'])

/** Damage that a file loses when only what is whole is written anew. */
const LEFT_OUT: ReadonlySet<RuleId> = new Set<RuleId>([
  'file/truncated',
  'file/bad-header',
  'file/overlap',
  'file/checksum',
])

/**
 * Why a repaired copy of the file cannot be written: in its own format, or, where objects in it become plain values, as a
 * torch zip. Undefined when it can. `isSalvaged`: what is damaged in it is not written.
 */
export function whyNotRewritable(file: StateFile, isPlain = false, isSalvaged = false): string | undefined {
  if (isPlain ? !MADE_PLAIN.has(file.kind) : file.kind !== 'safetensors' && file.kind !== 'torch-zip')
    return `${file.path} is ${KINDS[file.kind] ?? 'of a format'} that Assay reads but does not write; export the weights instead`
  const damage = file.findings.find(
    ({ rule, severity, evidence }) =>
      severity === 'error' &&
      rule !== 'file/odd-name' &&
      !(isPlain && (rule === 'pickle/dangerous' || isUnnamed(file, evidence))) &&
      !(isSalvaged && LEFT_OUT.has(rule)),
  )
  if (damage?.rule === 'pickle/dangerous')
    return `${file.path} would run code when loaded, and its copy would as well; export the weights instead`
  if (damage) return `${file.path} is damaged (${RULES[damage.rule].title.toLowerCase()}); export what is whole instead`
  if (file.inPieces || file.tensors.some(({ whole }) => whole))
    return `${file.path} keeps one process's pieces of its tensors, which only the program that saved them puts back; export the weights instead`
  if (isPlain) return undefined
  if (file.globals.some(({ module }) => module.startsWith('__torch__')))
    return `${file.path} is a TorchScript program, whose code relies on its tensors as they are`
  if (file.tensors.some(({ blocks }) => blocks.some(({ bigEndian }) => bigEndian)))
    return `${file.path} holds big-endian values; export the weights instead`
  return undefined
}

/** Whether torch wrote a file that it cannot load: a dtype that the stream of before 1.6 has no name for. All values are there. */
export function isUnnamed({ kind }: StateFile, evidence: Finding['evidence']): boolean {
  return kind === 'torch-legacy' && evidence?.asWritten === true
}
