import type { GlobalUse } from '../../decode/pickle/globals'
import type { PyValue } from '../../decode/pickle/value'
import type { Finding } from '../../finding'
import type { Section } from '../sections'
import type { Tensor } from '../tensor'

/** What a reader of one format makes of one file: the parts of a `StateFile` that its header tells. */
export interface Contents {
  readonly tensors: readonly Tensor[]
  readonly value?: PyValue
  /** Parts of `value`, empty for formats without one. */
  readonly sections: readonly Section[]
  readonly metadata?: Readonly<Record<string, string>>
  readonly globals: readonly GlobalUse[]
  readonly findings: readonly Finding[]
}
