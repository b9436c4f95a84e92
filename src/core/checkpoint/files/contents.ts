import type { GlobalUse } from '../../decode/pickle/globals'
import type { PyValue } from '../../decode/pickle/value'
import type { Finding } from '../../finding'
import type { FileKind, PickledMember, StateRecord, StateText } from '../checkpoint'
import type { Renewed } from '../rebuilt'
import type { Section } from '../sections'
import type { Tensor } from '../tensor'

/** What a reader of one format makes of one file: the parts of a `StateFile` that its header tells. */
export interface Contents {
  /** What an archive turned out to hold, where its first bytes do not tell. */
  readonly kind?: FileKind
  readonly tensors: readonly Tensor[]
  readonly value?: PyValue
  /** The first opcode in `value` that `torch.load(weights_only=True)` does not know. */
  readonly refusedOpcode?: string
  /** The pickles of a file that has several, each with its own root. */
  readonly members?: readonly PickledMember[]
  /** Parts of `value`, empty for formats without one. */
  readonly sections: readonly Section[]
  readonly metadata?: Readonly<Record<string, string>>
  /** Plain values in formats that are no pickle: metadata, logged series. */
  readonly records?: readonly StateRecord[]
  /** Records of an archive that people can read. */
  readonly texts?: readonly StateText[]
  /** Set where a repair made the file anew: from what. */
  readonly rebuilt?: readonly Renewed[]
  /** Names of tensors that a repair of the file could not save. */
  readonly lost?: readonly string[]
  /** Names of tensors that a repair of the file gave their shape back. */
  readonly reshaped?: readonly string[]
  readonly globals: readonly GlobalUse[]
  readonly findings: readonly Finding[]
}
