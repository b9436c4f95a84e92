import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { layerName, unwrapped } from '../shapes/names'
import { FACTOR, isSavedBy, type Lora, loraOf } from './lora'

/** Something that an adapter should have and has not. */
export interface Lacking {
  readonly name: string
  /** Goes on from "... is not here, although ". */
  readonly why: string
  readonly evidence: Readonly<Record<string, unknown>>
  /** False where the model itself may not have it. */
  readonly sure: boolean
}

/** What is missing from the adapter by its own factors, its config and its optimizer. */
export function* lackingOf(checkpoint: Checkpoint): Generator<Lacking> {
  yield* lonelyFactors(checkpoint)
  const lora = loraOf(checkpoint)
  if (!lora || checkpoint.components.find(({ id }) => id === 'adapter')?.status !== 'present') return
  const names = checkpoint.tensors.flatMap(({ component, name }) => (component === 'adapter' ? unwrapped(name) : []))
  const trained = Math.max(0, ...checkpoint.state.optimizers.map((each) => parametersIn(each)))
  if (trained > 0 && trained <= names.length) return
  yield* listedParts(lora, names, trained)
  if (trained > 0) yield* lackingLayers(lora, names, trained)
}

/** Factors of a LoRA without the other one: PEFT leaves that at its first values and says nothing (peft 0.21, save_and_load.py). */
function* lonelyFactors({ tensors }: Checkpoint): Generator<Lacking> {
  const factors = tensors.filter(({ name, component }) => component === 'adapter' && FACTOR.test(name))
  const names = new Set(factors.map(({ name }) => name))
  for (const { name, file } of factors) {
    const other = otherFactor(name)
    if (names.has(other)) continue
    yield { name: other, why: `${name} is here and works only with it`, evidence: { file }, sure: true }
  }
}

/** Heads that PEFT adds to `modules_to_save` of classifiers, of which a model has one (peft 0.21, `peft_model.py`). */
const HEADS: readonly string[] = ['classifier', 'score', 'qa_outputs']

/**
 * What adapter_config.json lists and the file lacks altogether. A list may name modules that the model has not; but an optimizer
 * that trains more tensors than are here trains one that is lost.
 */
function* listedParts(lora: Lora, names: readonly string[], trained: number): Generator<Lacking> {
  const sure = trained > 0
  const listed = [
    { key: 'modules_to_save', entries: lora.modulesToSave, isOf: isSavedBy },
    { key: 'target_modules', entries: sure ? (lora.targets ?? []) : [], isOf: isInside },
  ]
  for (const { key, entries, isOf } of listed) {
    const held = (entry: string) => names.some((name) => isOf(name, entry))
    const head = key === 'modules_to_save' && HEADS.some((entry) => entries.includes(entry) && held(entry))
    for (const name of entries) {
      if (held(name) || (head && HEADS.includes(name))) continue
      const why = `adapter_config.json lists it in ${key}${sure ? ` and ${counted(trained, names)}` : ''}`
      yield {
        name,
        why,
        evidence: { source: 'adapter_config.json', ...(sure && { trained, tensors: names.length }) },
        sure,
      }
    }
  }
}

function isInside(name: string, entry: string): boolean {
  return `.${name}.`.includes(`.${entry}.`)
}

/** Factors that some layers lack and others have, where the optimizer trains as many more tensors. */
function* lackingLayers({ factors, targets }: Lora, names: readonly string[], trained: number): Generator<Lacking> {
  const stacks = new Map<string, Set<number>>()
  const parts = new Map<string, { example: string; indices: Set<number>; container: string }>()
  for (const { tensor } of targets ? factors : []) {
    const layer = layerName(unwrapped(tensor.name))
    if (!layer) continue
    const { container, index, rest } = layer
    stacks.set(container, (stacks.get(container) ?? new Set()).add(index))
    const part = parts.get(`${container}.${rest}`) ?? { example: rest, indices: new Set(), container }
    parts.set(`${container}.${rest}`, part)
    part.indices.add(index)
  }
  const holes = [...parts.values()].flatMap(({ example, indices, container }) => {
    const lacking = [...(stacks.get(container) ?? [])].filter((index) => !indices.has(index))
    return lacking.map((index) => `${container}.${index}.${example}`)
  })
  if (holes.length > trained - names.length) return
  const held = new Set(names)
  for (const name of holes) {
    // Of a pair with one factor left, that one tells.
    if (held.has(otherFactor(name))) continue
    const why = `other layers have it and ${counted(trained, names)}`
    yield { name, why, evidence: { trained, tensors: names.length }, sure: true }
  }
}

/** The name of the factor that belongs to one. */
function otherFactor(name: string): string {
  return name.replace(FACTOR, (_, kind = '', side) => `.lora_${kind}${side === 'A' ? 'B' : 'A'}`)
}

function counted(trained: number, names: readonly string[]): string {
  return `the optimizer trains ${trained} tensors, of which ${names.length} are here`
}

function parametersIn({ groups }: OptimizerState): number {
  return groups.reduce((sum, { params }) => sum + params.length, 0)
}
