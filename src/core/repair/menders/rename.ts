import { natural } from '../../bytes/natural'
import type { Tensor } from '../../checkpoint/tensor'
import type { Finding } from '../../finding'
import { cleaner, wrapperIn } from '../../verify/shapes/clean-names'
import { list } from '../../verify/text'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Takes out of the names what torch.compile, DDP, FSDP and their like have put in, file by file in the order of their names. */
export function rename({ verification, weights }: Context): Proposal[] {
  const told = verification.findings.filter(({ rule }) => rule === 'weights/wrapper-prefix')
  if (told.length === 0) return []
  const foreign = told.find(({ evidence }) => evidence?.foreign === true)
  const files = [...new Set(weights.map(({ file }) => file))].sort(natural)
  return files.flatMap((file) => {
    const proposal = renameIn(
      file,
      weights.filter((tensor) => tensor.file === file),
      foreign,
    )
    return proposal ? [proposal] : []
  })
}

function renameIn(file: string, tensors: readonly Tensor[], foreign: Finding | undefined): Proposal | undefined {
  const prefix = foreign?.subject ?? ''
  const strip = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name)
  const inner = cleaner(tensors.map(({ name }) => strip(name)))
  const clean = (name: string) => inner(strip(name))
  const changes = tensors.flatMap((tensor) => {
    const name = clean(tensor.name)
    return name === tensor.name ? [] : [{ tensor, name }]
  })
  const [first] = changes
  if (!first) return undefined
  const wrappers = [...new Set(changes.map(({ tensor, name }) => wrapperIn(tensor.name, name)))]
  const base = {
    kind: 'rename' as const,
    subject: file,
    action: `Take ${list(wrappers)} out of ${changes.length} names in ${file}`,
    rules: ['weights/wrapper-prefix' as const],
    others: () => true,
    before: first.tensor.name,
    after: first.name,
  }
  const clash = firstTwice(tensors.map(({ name }) => clean(name)))
  if (clash !== undefined)
    return { ...base, confidence: 'refused', evidence: `Two tensors would both be called ${clash}` }
  const whose = foreign
    ? `they are those of the ${foreign.evidence?.architecture} in config.json`
    : 'no two of them are equal'
  const evidence = `${changes.length} of ${tensors.length} names carry it; without it ${whose}`
  return { ...base, confidence: 'certain', evidence, changes }
}

function firstTwice(names: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}
