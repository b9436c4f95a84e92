import type { FileKind } from '../../src/core/checkpoint/checkpoint'
import { mutate } from './mutate'
import { Random } from './random'
import { mutateHeader, mutateRecord } from './structured'
import type { Subject } from './subjects'

/** One trial: a golden file and what has become of it. */
export interface Input {
  readonly number: number
  readonly subject: Subject
  readonly bytes: Uint8Array
  /** Whether its values are read as well. */
  readonly deep: boolean
}

const DEEP_EVERY = 20
/** Texts are many among the golden files and have little to parse. */
const SHARE: { readonly [kind in FileKind]?: number } = { 'torch-zip': 4, safetensors: 3, pickle: 3, 'torch-legacy': 2 }

/** Makes inputs: number and seed say which, whatever came before. */
export class Inputs {
  private readonly byKind = new Map<FileKind, Subject[]>()
  private readonly kinds: FileKind[] = []

  constructor(
    private readonly subjects: readonly Subject[],
    private readonly seed: number,
  ) {
    for (const subject of subjects) {
      const known = this.byKind.get(subject.kind)
      if (known) known.push(subject)
      else this.byKind.set(subject.kind, [subject])
    }
    for (const kind of [...this.byKind.keys()].sort()) {
      for (let i = 0; i < (SHARE[kind] ?? 1); i++) this.kinds.push(kind)
    }
  }

  async make(number: number): Promise<Input> {
    const random = new Random(this.seed, number)
    const subject = random.pick(this.byKind.get(random.pick(this.kinds)) ?? [])
    const donor = () => random.pick(random.chance(0.5) ? (this.byKind.get(subject.kind) ?? []) : this.subjects).bytes
    const bytes =
      (random.chance(0.5) ? await structured(subject, random, donor) : undefined) ??
      mutate(subject.bytes, random, donor)
    return { number, subject, bytes, deep: number % DEEP_EVERY === 0 }
  }
}

async function structured(
  { kind, bytes }: Subject,
  random: Random,
  donor: () => Uint8Array,
): Promise<Uint8Array | undefined> {
  if (kind === 'torch-zip') return mutateRecord(bytes, random, donor)
  return kind === 'safetensors' ? mutateHeader(bytes, random, donor) : undefined
}
