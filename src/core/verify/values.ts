import type { Kernel, Statistics } from '../analysis/kernel'
import { statisticsOf } from '../analysis/statistics'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { isComplex, isFloating } from '../checkpoint/dtype'
import { byteLength, isWhole, type Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import { type Finding, findingOf } from '../finding'

/** Bytes read so far and to be read, and what is being read. */
export type Progress = (done: number, total: number, label: string) => void

/** The values of a checkpoint for the rules that need them: each tensor is read once, whoever asks. */
export class Values {
  /** What came to light while reading: files that end too early or cannot be read. */
  readonly findings: Finding[] = []
  private readonly known = new Map<Tensor, Promise<Statistics | undefined>>()
  private readonly unreadable = new Set<string>()
  private readonly total: number
  private done = 0

  constructor(
    checkpoint: Checkpoint,
    private readonly kernel: Kernel,
    private readonly signal?: AbortSignal,
    private readonly onProgress?: Progress,
  ) {
    this.total = valueTensors(checkpoint).reduce((sum, tensor) => sum + byteLength(tensor), 0)
    for (const { path, findings } of checkpoint.files) {
      if (findings.some(({ severity, rule }) => severity === 'error' && rule.startsWith('file/')))
        this.unreadable.add(path)
    }
  }

  /** Statistics of all values; undefined where they cannot be read, which is then a finding or already was one. */
  statistics(tensor: Tensor): Promise<Statistics | undefined> {
    const known = this.known.get(tensor)
    if (known) return known
    const measured = this.measure(tensor)
    this.known.set(tensor, measured)
    return measured
  }

  private async measure(tensor: Tensor): Promise<Statistics | undefined> {
    if (!isWhole(tensor) || byteLength(tensor) === 0) return undefined
    const started = this.done
    const measured = await this.attempt(tensor, () =>
      statisticsOf(tensor, this.kernel, {
        ...(this.signal && { signal: this.signal }),
        onBytes: (bytes) => {
          this.done += bytes
          this.onProgress?.(Math.min(this.done, this.total), this.total, tensor.name)
        },
      }),
    )
    this.done = Math.max(this.done, started + byteLength(tensor))
    return measured
  }

  /** What `read` makes of a tensor's values; undefined where they cannot be read, which is then a finding or already was one. */
  async attempt<Result>(tensor: Tensor, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof AssayError) || error.code === 'cancelled') throw error
      // One finding a file: the next tensors of a file that ends too early fail in the same way.
      if (!this.unreadable.has(tensor.file)) this.findings.push(findingOf(error, tensor.file))
      this.unreadable.add(tensor.file)
      return undefined
    }
  }
}

/** The tensors whose values the rules look at: floating-point ones of the model and of the optimizer. */
export function valueTensors({ tensors }: Checkpoint): Tensor[] {
  return tensors.filter(
    ({ component, dtype }) =>
      (component === 'weights' || component === 'adapter' || component === 'optimizer') &&
      (isFloating(dtype) || isComplex(dtype)),
  )
}
