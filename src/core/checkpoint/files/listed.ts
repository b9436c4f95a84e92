import type { ByteSource } from '../../bytes/source'
import { quote, Report } from '../../decode/report'
import { type Finding, finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { type DType, itemSize } from '../dtype'
import { spanOf } from '../gather'
import { some } from '../names'
import { type Block, contiguousStrides, numel, originOf, type Tensor } from '../tensor'
import type { Contents } from './contents'

/** A tensor as the header of a file tells it, not yet compared with the file. */
export interface Listed {
  readonly name: string
  readonly shape: readonly number[]
  /** Undefined for elements that are no numbers of a known type; `what` they are instead. */
  readonly dtype: DType | undefined
  readonly what: string
  readonly component: ComponentId
  readonly blocks: readonly Block[]
  /** Bytes that the header gives the values, where it does. */
  readonly stored?: number
  /** Why there are no blocks, the end of a sentence: `in chunks in an extensible array`. */
  readonly unread?: string
}

/** The whole of a tensor, its values contiguous from byte `offset` of `source` on. */
export function wholeBlock(source: ByteSource, offset: number, shape: readonly number[], bigEndian = false): Block {
  const place = { source, offset, strides: contiguousStrides(shape), start: originOf(shape), shape }
  return bigEndian ? { ...place, bigEndian } : place
}

/**
 * The tensors of a file whose header was read: those with a shape that could exist. Findings tell of shapes that could not, of
 * values beyond the end of the file, and of what is listed without values.
 */
export function tensorsOf(listed: readonly Listed[], file: string): Pick<Contents, 'tensors' | 'findings'> {
  const tensors: Tensor[] = []
  const report = new Report()
  const odd = new Map<string, string[]>()
  const unread = new Map<string, string[]>()
  const cut: string[] = []
  for (const { name, shape, dtype, what, component, blocks, stored, unread: why } of listed) {
    if (dtype === undefined) {
      gather(odd, what, name)
      continue
    }
    const needed = shape.reduce((product, extent) => product * extent, itemSize(dtype))
    if (![...shape, needed].every(Number.isSafeInteger)) {
      report.add(
        'shape',
        'file/bad-header',
        name,
        `${quote(name)} claims the shape [${shape.join(', ')}], beyond all measure`,
      )
      continue
    }
    const tensor = { name, dtype, shape, file, component, blocks }
    if (stored !== undefined && stored < needed) {
      const message = `${quote(name)} has ${stored} bytes; the shape [${shape.join(', ')}] of ${dtype} needs ${needed}`
      report.add('short', 'file/bad-header', name, message, { file, expected: needed, there: stored })
      tensors.push({ ...tensor, blocks: [] })
      continue
    }
    if (why !== undefined) gather(unread, why, name)
    else if (blocks.some((block) => isCut(block, dtype))) cut.push(name)
    const [only] = blocks
    const key = stored !== undefined && only ? `${only.source.name} ${only.offset}` : undefined
    tensors.push({ ...tensor, ...(key !== undefined && needed > 0 && { storage: { key, byteLength: needed } }) })
  }
  const findings: Finding[] = report.findings(file)
  if (cut.length > 0) {
    const intact = listed.length - cut.length
    const message = `${file} ends before its values do: ${intact} of ${listed.length} tensors are whole, ${some(cut)} ${cut.length === 1 ? 'is' : 'are'} not`
    findings.push(
      finding('file/truncated', file, message, { evidence: { intact, lost: cut.length, tensors: cut.slice(0, 50) } }),
    )
  }
  return { tensors, findings: [...findings, ...named(odd, unread, file)] }
}

function isCut({ source, offset, shape, strides }: Block, dtype: DType): boolean {
  return numel(shape) > 0 && offset + spanOf(shape, strides) * itemSize(dtype) > source.size
}

function gather(names: Map<string, string[]>, key: string, name: string): void {
  const known = names.get(key)
  if (known) known.push(name)
  else names.set(key, [name])
}

/** What is in the file and has no values here, one finding for each reason. */
function named(
  odd: ReadonlyMap<string, readonly string[]>,
  unread: ReadonlyMap<string, readonly string[]>,
  file: string,
): Finding[] {
  const told = (names: readonly string[], message: string, what: string) =>
    finding('file/unknown-format', file, message, {
      severity: 'info',
      evidence: { what, count: names.length, tensors: names.slice(0, 50) },
    })
  return [
    ...[...odd].map(([what, names]) => {
      const verb = names.length === 1 ? 'holds' : 'hold'
      return told(names, `${file}: ${some(names)} ${verb} ${what}, which Assay does not read as numbers`, what)
    }),
    ...[...unread].map(([what, names]) => {
      const message = `${file}: the values of ${some(names)} lie ${what}, which Assay does not read; listed without values`
      return told(names, message, what)
    }),
  ]
}
