import { joinPath } from '../../bytes/folder'
import { fieldsOf, type Plain } from '../../decode/plain'
import { AssayError } from '../../errors'
import { finding } from '../../finding'
import type { StateFile } from '../checkpoint'
import type { Draft } from '../draft'
import { foldersLike, hasFile, listingOfFolder } from '../listing'
import { openShards } from '../shards'
import { type ModelFiles, markWeights, modelFiles } from '../weights'
import { notApplicable } from './common'
import type { Layout } from './layout'
import { settleStates } from './states'

const INDEX = 'model_index.json'
/** Parts of a pipeline that have no weights, by the names of their classes: the noise schedule is no learning rate. */
const WEIGHTLESS = /(Scheduler|Tokenizer|TokenizerFast|Processor|FeatureExtractor)$/
const MOST_PARTS = 100

/** A part that model_index.json names, with the class that loads it. */
interface Part {
  readonly name: string
  readonly class: string
}

/**
 * A pipeline of diffusers (0.35, pipelines/pipeline_utils.py): `model_index.json` maps the name of each part, which is that of
 * its folder, to a library and a class, [null, null] where it is left out. Several models, one checkpoint.
 */
export const diffusers: Layout = {
  id: 'diffusers',
  label: 'Diffusers pipeline',
  matches: (listing) => hasFile(listing, INDEX),
  async open(draft) {
    const index = fieldsOf(await draft.openJson(INDEX))
    const parts = partsIn(index).slice(0, MOST_PARTS)
    const files: StateFile[] = []
    const configs: string[] = []
    for (const part of parts.filter((each) => !WEIGHTLESS.test(each.class))) {
      files.push(...(await openPart(draft, part, configs)))
    }
    markWeights(draft, files, 'weights', `${INDEX} names no model whose files are here`)
    const name = typeof index?._class_name === 'string' ? ` (${index._class_name})` : ''
    draft.label = `Diffusers pipeline${name}, ${models(new Set(files.map(({ path }) => path.split('/')[0])).size)}`
    if (configs.length > 0) draft.mark('config', 'present', [INDEX, ...configs])
    else draft.mark('config', 'missing', [INDEX], 'No model of the pipeline has its config.json')
    const tokenizers = parts.filter((part) => /Tokenizer/.test(part.class)).map((part) => part.name)
    markTokenizers(draft, tokenizers)
    settleStates(draft, `in ${draft.listing.name}`)
  },
}

function partsIn(index: Readonly<Record<string, Plain>> | undefined): Part[] {
  return Object.entries(index ?? {}).flatMap(([name, value]) => {
    const [library, className] = Array.isArray(value) ? value : []
    const named = !name.startsWith('_') && !/[\\/]|^\.+$/.test(name)
    return named && typeof library === 'string' && typeof className === 'string' ? [{ name, class: className }] : []
  })
}

/** Opens the model in the folder of a part; what is not there is a finding. */
async function openPart(draft: Draft, part: Part, configs: string[]): Promise<StateFile[]> {
  const inside = (path: string) => `${part.name}/${path}`
  const chosen = foldersLike(draft.listing, /^/).includes(part.name) ? filesOf(draft, part.name) : undefined
  if (!chosen) {
    const message = `${part.name} is not here, although ${INDEX} names it (${part.class})`
    draft.findings.push(finding('weights/missing-shard', part.name, message, { evidence: { class: part.class } }))
    return []
  }
  if (chosen.config) configs.push(inside('config.json'))
  const { index, files } = chosen.model
  if (index) return openShards(draft, inside(index), 'weights')
  const opened: StateFile[] = []
  for (const path of files) opened.push(await draft.open(inside(path), 'weights'))
  return opened
}

function filesOf({ listing }: Draft, folder: string): { model: ModelFiles; config: boolean } | undefined {
  try {
    const inner = listingOfFolder(joinPath(listing.root, folder))
    const model = modelFiles(inner)
    return model && { model, config: hasFile(inner, 'config.json') }
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

function markTokenizers(draft: Draft, names: readonly string[]): void {
  const gone = names.filter((name) => !foldersLike(draft.listing, /^/).includes(name))
  const none = notApplicable('The pipeline has no tokenizer')
  if (names.length === 0) draft.mark('tokenizer', none.status, [], none.note)
  else if (gone.length > 0) draft.mark('tokenizer', 'missing', [], `${gone[0]} is not here, although ${INDEX} names it`)
  else draft.mark('tokenizer', 'present', names)
}

function models(count: number): string {
  return count === 1 ? '1 model' : `${count} models`
}
