import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import { misfitOf } from '../architectures/misfit'
import type { Rule } from '../rule'
import { layerName, unwrapped } from '../shapes/names'
import { list } from '../text'

/** What repeated blocks are kept in. A Sequential of another name leaves gaps for modules without parameters. */
const CONTAINERS = /(^|\.)(layers|layer|h|blocks|block|resblocks|transformer_blocks|decoder_layers|encoder_layers)$/

/** Layers that are missing from a row of equal ones, or after it by the number that the config gives. */
export const layerGap: Rule = {
  ids: ['weights/layer-gap'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { container, missing, until } of gapsOf(checkpoint)) yield gapFinding(container, missing, until)
  },
}

interface Gap {
  readonly container: string
  readonly missing: readonly number[]
  /** How it is known, as the end of a sentence. */
  readonly until: string
}

const known = new WeakMap<Checkpoint, readonly Gap[]>()

/** Layers that are wholly absent, stack by stack. Several rules ask. */
export function gapsOf(checkpoint: Checkpoint): readonly Gap[] {
  const gaps = known.get(checkpoint) ?? findGaps(checkpoint)
  known.set(checkpoint, gaps)
  return gaps
}

function findGaps(checkpoint: Checkpoint): Gap[] {
  if (lacksFiles(checkpoint)) return []
  const found: Gap[] = []
  for (const [container, layers] of stacksOf(checkpoint)) {
    const present = [...layers.keys()].sort((a, b) => a - b)
    const last = present.at(-1) as number
    const gaps = absent(layers, 0, last)
    if (gaps.length > 0 && !isPeriodic(present))
      found.push({ container, missing: gaps, until: `others up to ${last} are` })
    const promised = promisedLayers(checkpoint, container)
    if (promised !== undefined && last + 1 < promised) {
      found.push({
        container,
        missing: absent(layers, last + 1, promised - 1),
        until: `config.json says ${promised} layers`,
      })
    }
  }
  return found
}

function gapFinding(container: string, gaps: readonly number[], until: string): Finding {
  const what = gaps.length === 1 ? `layer ${gaps[0]} is` : `layers ${list(gaps.map(String), 8)} are`
  return finding('weights/layer-gap', container, `${container}: ${what} not here; ${until}`, {
    evidence: { container, missing: gaps.slice(0, 1000) },
    repair: 'Take the layers from a reference checkpoint',
  })
}

/** Rows of layers that are alike: of four parameters or more, all with parts of the same names. */
function* stacksOf(checkpoint: Checkpoint): Generator<[string, Map<number, Set<string>>]> {
  const stacks = new Map<string, Map<number, Set<string>>>()
  for (const { component, name } of checkpoint.tensors) {
    const layer = component === 'weights' ? layerName(unwrapped(name)) : undefined
    if (!layer || !CONTAINERS.test(layer.container)) continue
    const stack = stacks.get(layer.container) ?? new Map<number, Set<string>>()
    stacks.set(layer.container, stack)
    const parts = stack.get(layer.index) ?? new Set<string>()
    stack.set(layer.index, parts.add(layer.rest))
  }
  for (const [container, layers] of stacks) {
    const kinds = new Set([...layers.values()].map((parts) => [...parts].sort().join('\n')))
    const [parts] = layers.values()
    const nested = [...(parts ?? [])].filter((part) => part.includes('.'))
    // A single layer is a row where the config says so.
    const isRow = layers.size > 1 || promisedLayers(checkpoint, container) !== undefined
    if (isRow && kinds.size === 1 && nested.length >= 4) yield [container, layers]
  }
}

function absent(layers: ReadonlyMap<number, unknown>, from: number, to: number): number[] {
  const gaps: number[] = []
  for (let i = from; i <= to && gaps.length < 100_000; i++) if (!layers.has(i)) gaps.push(i)
  return gaps
}

/** 0, 2, 4 ... or 1, 3, 5 ...: something without parameters stands between. */
function isPeriodic(present: readonly number[]): boolean {
  const steps = new Set(present.slice(1).map((index, i) => index - (present[i] as number)))
  return steps.size === 1 && !steps.has(1)
}

/** Number of layers of a stack by the config; only where it is plain which stack the config speaks of. */
function promisedLayers(checkpoint: Checkpoint, container: string): number | undefined {
  const fields = misfitOf(checkpoint) ? undefined : fieldsOf(checkpoint.config)
  if (!/^(model\.layers|transformer\.h|h|gpt_neox\.layers)$/.test(container)) return undefined
  const layers = numberOf(fields?.num_hidden_layers ?? fields?.n_layer)
  return layers !== undefined && Number.isInteger(layers) && layers <= 10_000 ? layers : undefined
}

/** Shards that are not there are one finding, not one for each layer in them. */
function lacksFiles({ findings, files }: Checkpoint): boolean {
  const all = [...findings, ...files.flatMap((file) => file.findings)]
  return all.some(({ rule }) => rule === 'weights/missing-shard' || rule === 'file/truncated')
}
