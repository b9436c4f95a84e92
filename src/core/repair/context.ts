import type { Kernel } from '../analysis/kernel'
import type { Checkpoint } from '../checkpoint/checkpoint'
import type { Tensor } from '../checkpoint/tensor'
import type { Reference } from '../verify/reference'
import type { Diagnosis } from '../verify/shapes/diagnosis'
import type { Verification } from '../verify/verify'
import type { Join } from './join'
import type { Losses } from './losses'
import type { Progress } from './progress'
import type { Soundness } from './soundness'
import type { Proposal } from './steps'

/** What menders look at. */
export interface Context {
  readonly checkpoint: Checkpoint
  readonly verification: Verification
  /** Tensors of the model, weights and adapters, but for those that are joined. */
  readonly weights: readonly Tensor[]
  /** What is wrong with the shape of a tensor. */
  readonly diagnoses: ReadonlyMap<Tensor, Diagnosis>
  /** Files with a rank's part in them: what is one-dimensional there may be a part as well. */
  readonly rankFiles: ReadonlySet<string>
  /** Fragments of ranks that can be joined, or why those that are here cannot. */
  readonly join?: Join | string
  /** Damaged files of which something can be saved: the tensors in them whose values are lost. */
  readonly losses: ReadonlyMap<string, Losses>
  readonly reference?: Reference
  /** The reference as it was opened, also where the two share no tensor: of the adapter that is lost, it may have the files. */
  readonly given?: Checkpoint
  /** Shapes that the user has given, by tensor name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** Whether every PyTorch file is to be written as plain values in today's form. */
  readonly plain: boolean
  /** Number of processes that are to resume from it, where the user has said so. */
  readonly worldSize?: number
  /** Other checkpoints of the run, the reference first, then the nearest. Opened when asked for. */
  neighbours(): Promise<readonly Checkpoint[]>
  /** The same save in the parts that ranks wrote into folders of the checkpoint. Opened when asked for. */
  parts(): Promise<readonly Checkpoint[]>
  /** What values that are evidence are read with. */
  readonly kernel: Kernel
  readonly soundness: Soundness
  /** Counts their bytes: what a mender is to read it expects before. */
  readonly progress: Progress
  readonly signal?: AbortSignal
}

/** Proposes steps for one kind of damage. Reads what it needs as evidence and writes nothing. */
export type Mender = (context: Context) => readonly Proposal[] | Promise<readonly Proposal[]>
