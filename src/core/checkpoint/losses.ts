import type { AssayError } from '../errors'
import { type Finding, finding, findingOf } from '../finding'
import type { ComponentId } from './checkpoint'
import { some } from './names'

/**
 * Why something of a tensor or an object is lost: its file is not here, ends before it, or is packed in a way that is not read; or the
 * metadata gives no place for it, pieces that lie outside of it, that overlap, or that leave holes; or it cannot be decoded.
 */
type Cause = 'missing' | 'beyond' | 'packed' | 'unplaced' | 'outside' | 'overlap' | 'hole' | 'unread'

/** How a component stands of which something is lost, and the sentence that says so. */
export interface Loss {
  readonly status: 'damaged' | 'missing' | 'present'
  readonly note: string
}

interface Trouble {
  readonly cause: Cause
  /** Relative to the checkpoint. */
  readonly file: string
  readonly names: Set<string>
  readonly error?: AssayError
}

/** Files told one by one. */
const MOST_TOLD = 50
/** Names in the evidence of one finding. */
const MOST_NAMED = 1000

/** Keeps count of what cannot be read of a checkpoint that lies in many files, and tells it file by file. */
export class LossLedger {
  private readonly troubles = new Map<string, Trouble>()
  private readonly lost = new Map<string, Trouble>()
  private readonly gone = new Set<string>()

  /** Something of `name` cannot be read. */
  lose(name: string, cause: Cause, file: string, error?: AssayError): void {
    const key = `${cause}\0${file}`
    const trouble = this.troubles.get(key) ?? { cause, file, names: new Set(), ...(error && { error }) }
    this.troubles.set(key, trouble)
    trouble.names.add(name)
    if (!this.lost.has(name)) this.lost.set(name, trouble)
  }

  /** Nothing of `name` can be read. */
  loseWholly(name: string): void {
    this.gone.add(name)
  }

  /** What became of each component, `components` telling which one each name is part of. */
  losses(components: ReadonlyMap<string, ComponentId>): Map<ComponentId, Loss> {
    const byComponent = new Map<ComponentId, { all: number; lost: number; gone: number; first?: Trouble }>()
    for (const [name, id] of components) {
      const tally = byComponent.get(id) ?? { all: 0, lost: 0, gone: 0 }
      byComponent.set(id, tally)
      const trouble = this.lost.get(name)
      tally.all++
      if (!trouble) continue
      tally.lost++
      if (this.gone.has(name)) tally.gone++
      if (!tally.first || tally.first.cause === 'packed') tally.first = trouble
    }
    const losses = new Map<ComponentId, Loss>()
    for (const [id, { all, lost, gone, first }] of byComponent) {
      if (!first) continue
      const status = first.cause === 'packed' ? 'present' : gone === all ? 'missing' : 'damaged'
      const rest = lost === all ? 'nothing of it is whole' : `${all - lost} of its ${all} parts are whole`
      losses.set(id, { status, note: `${reason(first)}; ${rest}` })
    }
    return losses
  }

  findings(components: ReadonlyMap<string, ComponentId>): Finding[] {
    return [...this.troubles.values()].slice(0, MOST_TOLD).map((trouble) => told(trouble, components))
  }
}

/** In a few words, for the note of a component. */
function reason({ cause, file, names }: Trouble): string {
  switch (cause) {
    case 'missing':
      return `${file} is not here`
    case 'beyond':
      return `${file} ends too early`
    case 'packed':
      return `${file} is packed in a way that Assay does not read`
    case 'unread':
      return `Part of ${file} cannot be decoded`
    default:
      return `${file} contradicts itself about ${some([...names])}`
  }
}

function told({ cause, file, names, error }: Trouble, components: ReadonlyMap<string, ComponentId>): Finding {
  const all = [...names]
  // About the metadata itself, the subject is what it lies about: the rest of it may be in order.
  const first = all[0] as string
  const what = `${all.length === 1 ? 'one entry' : `${all.length} entries`} (${some(all)})`
  const evidence = { lost: all.length, names: all.slice(0, MOST_NAMED) }
  switch (cause) {
    case 'missing':
      return missing(file, what, evidence, new Set(all.map((name) => components.get(name))), error)
    case 'beyond':
      return finding('file/truncated', file, `${file} ends before ${what} that should lie in it`, { evidence })
    case 'packed':
      return finding('file/unknown-format', file, `${file} is packed; Assay does not read ${what} in it`, { evidence })
    case 'unread':
      if (error) return { ...findingOf(error, file), evidence }
      return finding('file/bad-header', first, `${file}: ${what} cannot be decoded`, { evidence })
    case 'unplaced':
      return finding('file/bad-header', first, `${file} does not tell where ${what} should lie`, { evidence })
    case 'outside':
      return finding('file/bad-header', first, `${file} has pieces that do not lie inside their tensor: ${what}`, {
        evidence,
      })
    case 'overlap':
      return finding('file/bad-header', first, `${file} has pieces that overlap: ${what}`, { evidence })
    case 'hole':
      return finding('file/bad-header', first, `${file} has pieces that leave holes in their tensor: ${what}`, {
        evidence,
      })
  }
}

/** A file that is not here, or that may not be opened. */
function missing(
  file: string,
  what: string,
  evidence: Record<string, unknown>,
  of: ReadonlySet<ComponentId | undefined>,
  error: AssayError | undefined,
): Finding {
  if (error?.code === 'file/path-escape') {
    return { ...findingOf(error, file), message: `${error.message}: it is not opened, and ${what} are lost`, evidence }
  }
  const rule = of.has('weights') ? 'weights/missing-shard' : of.has('optimizer') ? 'optimizer/missing-rank' : undefined
  const message = `${file} is not here; it holds ${what}, or a part of them`
  return finding(rule ?? 'file/unreadable', file, message, { evidence })
}
